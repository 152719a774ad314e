export { type Child, startChild } from "../../src/peers/real/child.js";
