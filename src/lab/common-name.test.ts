import { expect, it } from "vitest";
import { commonName } from "./common-name.js";

it.each([
  ["CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US", "CN=Book of Omens"],
  ["OU=53, O=Keylime, CN=server, C=US", "CN=server"],
  ["CN=a\\, b, O=x", "CN=a\\, b"],
  ["O=no common name", "O=no common name"],
  ["", ""],
])("of %j is %j", (subject, expected) => {
  expect(commonName(subject)).toBe(expected);
});
