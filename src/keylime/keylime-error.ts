import { Problem, type ProblemOptions } from "../core/problem.js";

/** What an answer that is no success came with. */
export interface AnswerFacts {
  /** Method and URL without the query: quotes and nonces travel there. */
  call: string;
  httpStatus: number | undefined;
  /** The server's own words, one line, bounded. */
  serverText: string | undefined;
}

/** A Keylime service answered, and the answer is a refusal or makes no sense. `code` is a fault id where one fits. */
export class KeylimeError extends Problem {
  readonly facts: AnswerFacts;
  constructor(code: string, message: string, options: ProblemOptions, facts: AnswerFacts) {
    super(code, message, options);
    this.name = "KeylimeError";
    this.facts = facts;
  }
}
