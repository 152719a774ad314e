export { until } from "../../src/peers/real/until.js";
