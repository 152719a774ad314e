export {
  type EnrolOptions,
  enrolAtVerifier,
  registrarRecord,
  removeFromVerifier,
  untilAttested,
  verifierAgent,
} from "../../../src/peers/real/enrolment.js";
