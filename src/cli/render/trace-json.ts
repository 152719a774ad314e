import type { TracedConnection, TraceReport, TraceTotals } from "../../trace/report-schema.js";

/** Writes the report piece by piece, so that a capture of any size makes one document in little memory. */
export class TraceJson {
  readonly #out: (text: string) => void;
  #count = 0;

  constructor(out: (text: string) => void) {
    this.#out = out;
    const schema: TraceReport["schema"] = "spire-keylime/trace/v1";
    out(`{\n  "schema": ${JSON.stringify(schema)},\n  "connections": [`);
  }

  connections(connections: readonly TracedConnection[]): void {
    this.#out(connections.map((connection) => this.#item(connection)).join(""));
  }

  #item(connection: TracedConnection): string {
    const text = JSON.stringify(connection, undefined, 2).replaceAll("\n", "\n    ");
    return `${this.#count++ === 0 ? "" : ","}\n    ${text}`;
  }

  end(totals: TraceTotals, problems: readonly string[]): void {
    const close = this.#count === 0 ? "]" : "\n  ]";
    const totalsText = JSON.stringify(totals, undefined, 2).replaceAll("\n", "\n  ");
    const problemsText = JSON.stringify(problems, undefined, 2).replaceAll("\n", "\n  ");
    this.#out(`${close},\n  "totals": ${totalsText},\n  "problems": ${problemsText}\n}\n`);
  }
}
