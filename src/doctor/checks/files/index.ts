import type { Checks } from "../check.js";
import { keyEncrypted } from "./key-encrypted.js";
import { keyMismatch } from "./key-mismatch.js";
import { keyNotPkcs8 } from "./key-not-pkcs8.js";
import { keyTooOpen } from "./key-too-open.js";
import { pluginMissingFile } from "./plugin-missing-file.js";
import { pluginUnreadableFile } from "./plugin-unreadable-file.js";

export const fileChecks = {
  "plugin-missing-file": pluginMissingFile,
  "plugin-unreadable-file": pluginUnreadableFile,
  "key-too-open": keyTooOpen,
  "key-mismatch": keyMismatch,
  "key-encrypted": keyEncrypted,
  "key-not-pkcs8": keyNotPkcs8,
} as const satisfies Checks;
