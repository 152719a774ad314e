/** What a command may touch of the process, so that a test can be one. */
export interface Io {
  /** Results, for people or as one JSON document. */
  out(text: string): void;
  /** Progress, logs and errors. */
  err(text: string): void;
  /** Whether results go to a terminal: colour and progress bars only then, and never with NO_COLOR. */
  readonly colour: boolean;
  /** How wide the terminal is that results go to; undefined when they go elsewhere. */
  readonly columns?: number | undefined;
  /** Puts a question that is answered with yes or no; undefined where nobody sits at a terminal. */
  readonly ask?: ((question: string) => Promise<boolean>) | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C or SIGTERM: a command stops what it started and returns. */
  readonly interrupted: AbortSignal;
}

/** Exit codes of every command. */
export const exitCodes = { ok: 0, findings: 1, usage: 2, couldNotCheck: 3 } as const;
