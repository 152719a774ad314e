/** Sent as User-Agent, so that a peer's log tells these requests from others'. */
export const userAgent = `spire-keylime/${process.env.SPIRE_KEYLIME_VERSION ?? "development"}`;
