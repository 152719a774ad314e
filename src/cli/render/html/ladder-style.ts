/** Two lifelines and the messages between them, the one that ends the handshake in red. */
export const ladderStyle = `
.ends { display: flex; justify-content: space-between; gap: 1rem; max-width: 44rem; font-weight: 600; margin: .9rem 0 0; }
ol.ladder { list-style: none; max-width: 44rem; margin: .25rem 0 0; padding: .35rem 0; border-inline: 2px solid var(--strong); }
ol.ladder li { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: .6rem; margin: 0; padding: .3rem .55rem 0; }
ol.ladder li.server { flex-direction: row-reverse; text-align: right; }
ol.ladder .name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88rem; }
ol.ladder .arrow { position: relative; flex: 0 0 calc(100% + .6rem); height: 1px; margin: .2rem -.3rem .3rem; background: var(--strong); }
ol.ladder .arrow::after { content: ""; position: absolute; top: -4px; border: 4.5px solid transparent; }
ol.ladder li.client .arrow::after { right: -4px; border-left-color: var(--strong); }
ol.ladder li.server .arrow::after { left: -4px; border-right-color: var(--strong); }
ol.ladder li.failing { background: var(--bad-back); }
ol.ladder li.failing .name { color: var(--bad); font-weight: 700; }
ol.ladder li.failing .arrow { height: 2px; background: var(--bad); }
ol.ladder li.failing.client .arrow::after { border-left-color: var(--bad); }
ol.ladder li.failing.server .arrow::after { border-right-color: var(--bad); }
`;
