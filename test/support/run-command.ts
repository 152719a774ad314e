export { runChecked, runCommand } from "../../src/peers/real/run-command.js";
