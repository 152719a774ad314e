import { type Markup, markup } from "./markup.js";

export interface LadderStep {
  from: "client" | "server";
  /** `Certificate (2 certificates)`, `alert unknown_ca` */
  name: string;
  /** What is known besides: time, size, protection. */
  details: readonly string[];
  /** The message that ended the handshake. */
  isFailing: boolean;
}

/** A handshake as a ladder: the client's messages point to the right, the server's to the left, in the order they came. */
export function ladder(steps: readonly LadderStep[]): Markup {
  return markup`<div class="ends" aria-hidden="true"><span>client</span><span>server</span></div>
<ol class="ladder">${steps.map(step)}</ol>`;
}

function step({ from, name, details, isFailing }: LadderStep): Markup {
  const told = details.join(", ");
  return markup`<li class="${from}${isFailing ? " failing" : ""}"><span class="name"><span class="hidden">${from}: </span>${isFailing && markup`<span aria-hidden="true">✕ </span>`}${name}${isFailing && markup`<span class="hidden"> (ended the handshake)</span>`}</span>${told !== "" && markup`<span class="quiet">${told}</span>`}<span class="arrow"></span></li>`;
}
