export { freePort } from "../../src/peers/real/free-port.js";
