export { httpsRequest } from "../../../src/peers/real/https-request.js";
