// Imports point down the floors of ARCHITECTURE.md. Each rule names what to do instead.
const floors = {
  core: 0,
  faults: 0,
  gen: 0,
  formats: 1,
  tls: 1,
  x509: 1,
  net: 2,
  goplugin: 2,
  keylime: 3,
  spire: 3,
  "plugin-sdk": 3,
  peers: 3.5,
  plugin: 4,
  probe: 4,
  intercept: 4,
  rehearse: 3.8,
  lab: 4,
  trace: 4,
  doctor: 4.5,
  cli: 5,
  bin: 6,
};

const rooms = Object.keys(floors);
const atOrAbove = (floor, room) => rooms.filter((other) => other !== room && floors[other] >= floor);
// A room may import rooms of lower floors; rooms that share a floor do not know each other, except core and faults.
const forbiddenFor = (room) =>
  atOrAbove(floors[room], room).filter((other) => !(room === "faults" && other === "core"));

module.exports = {
  forbidden: [
    ...rooms
      .map((room) => ({ room, above: forbiddenFor(room) }))
      .filter(({ above }) => above.length > 0)
      .map(({ room, above }) => ({
        name: `${room}-imports-down-only`,
        comment: `src/${room} stands below or beside what it imports: move the shared part to a lower floor.`,
        severity: "error",
        from: { path: `^src/${room}/`, pathNot: "\\.test\\.ts$" },
        to: { path: `^src/(${above.join("|")})/` },
      })),
    {
      name: "server-half-and-agent-half-apart",
      comment:
        "The two plugin halves share only src/spire/exchange.ts and src/plugin/shared/: put the common part there.",
      severity: "error",
      from: { path: "^src/plugin/server/" },
      to: { path: "^src/plugin/agent/" },
    },
    {
      name: "agent-half-and-server-half-apart",
      comment:
        "The two plugin halves share only src/spire/exchange.ts and src/plugin/shared/: put the common part there.",
      severity: "error",
      from: { path: "^src/plugin/agent/" },
      to: { path: "^src/plugin/server/" },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or a third is missing between them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/gen/" },
      to: { circular: true },
    },
    {
      name: "plugin-stays-small",
      comment:
        "What the plugin loads costs every SPIRE start: certificates are issued in peers/pki, never in the plugin.",
      severity: "error",
      from: {
        path: "^src/(plugin|plugin-sdk|goplugin|net|keylime|spire|core|faults|formats|tls|x509)/",
        pathNot: "\\.test\\.ts$",
      },
      to: { path: "node_modules/(@peculiar|reflect-metadata|commander)" },
    },
    {
      name: "no-test-in-product",
      comment: "Product code never imports tests or their support.",
      severity: "error",
      from: { path: "^src/", pathNot: "\\.test\\.ts$" },
      to: { path: "^test/|\\.test\\.ts$" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".json"] },
  },
};
