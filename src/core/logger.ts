export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Values that may stand in a log line; secrets never do. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/** The message is constant text; what varies goes into fields, as SPIRE's own logs do it. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

export const silentLogger: Logger = { log: () => {} };

/** A logger that adds the same fields to every line. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return { log: (level, message, more) => logger.log(level, message, { ...fields, ...more }) };
}
