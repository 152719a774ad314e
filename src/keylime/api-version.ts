/** API versions this program speaks, oldest first. */
export const knownApiVersions = ["2.2", "2.3", "2.4", "2.5", "2.6"] as const;
export type ApiVersion = (typeof knownApiVersions)[number];
