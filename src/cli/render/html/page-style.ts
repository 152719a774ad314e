/** The look of every HTML file that is written: one column, light and dark, from 320 pixels on, printable. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --quiet: #57606a; --paper: #fff; --panel: #f6f8fa; --line: #d0d7de; --strong: #8c959f; --link: #0a58ca;
  --good: #116329; --good-back: #e9f7ee; --bad: #b3161f; --bad-back: #fdecec; --note: #7a4d00; --note-back: #fff5dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ed; --quiet: #9aa5b1; --paper: #14171b; --panel: #1c2127; --line: #363d46; --strong: #6b7683; --link: #7ab4ff;
    --good: #57d38c; --good-back: #12291b; --bad: #ff8b8f; --bad-back: #341a1c; --note: #f2bf5f; --note-back: #2f2611;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 62rem; padding: 1.25rem clamp(.9rem, 4vw, 2rem) 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; line-height: 1.4; margin: 0; }
p, ul, ol, dl { margin: .5rem 0; } ul, ol { padding-left: 1.25rem; } li { margin: .2rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
code, pre, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; }
.quiet { color: var(--quiet); font-size: .88rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .note { color: var(--note); }
.panel { border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin: .9rem 0; }
.panel > :first-child { margin-top: 0; } .panel > :last-child { margin-bottom: 0; }
.panel.bad { color: inherit; border-left: 5px solid var(--bad); } .panel.note { color: inherit; border-left: 5px solid var(--note); }
.panel.good { color: inherit; border-left: 5px solid var(--good); } .panel.info { border-left: 5px solid var(--strong); }
.badge { display: inline-block; padding: .05rem .5rem; border-radius: 999px; font-size: .8rem; font-weight: 600; white-space: nowrap; }
.badge.good { background: var(--good-back); } .badge.bad { background: var(--bad-back); } .badge.note { background: var(--note-back); }
.badge.info { background: var(--panel); color: var(--quiet); border: 1px solid var(--line); }
.command { position: relative; margin: .5rem 0; }
.command pre { margin: 0; padding: .6rem .75rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; -webkit-user-select: all; }
.command button { position: absolute; top: .35rem; right: .35rem; font: inherit; font-size: .8rem; padding: .15rem .6rem; border-radius: 5px;
  border: 1px solid var(--strong); background: var(--paper); color: var(--ink); cursor: pointer; }
.command:has(button) pre { padding-right: 5rem; }
details { border-top: 1px solid var(--line); padding: .35rem 0; } details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .3rem 0; } summary > * { display: inline; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media print { body { max-width: none; padding: 0; } .command button, nav { display: none; } .panel, li { break-inside: avoid; } }
`;
