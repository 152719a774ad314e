import { protocolVersions } from "../../tls/tables/protocol.js";

/** The server answers with a version older than any offered, as servers did before there was an alert for it. */
export class OlderVersion extends Error {
  constructor(readonly version: number) {
    super(`the server answers with ${protocolVersions.name(version)}, which was not offered`);
  }
}
