import { fork } from "node:child_process";
import { once } from "node:events";
import { accessSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../src/rehearse/percentile.js";
import { type Contestant, type Pair, takeTurn } from "./measure.js";
import { openRawLimit, type RawSample } from "./raw-limit.js";
import { type ContestantResult, type Document, documentOf, tableText } from "./results.js";
import { startWorld, type World, type WorldOptions } from "./world.js";

const usage = `usage: node bench/run.mjs [--pair NAME=SERVER,AGENT]... [--real-keylime] [--key-type rsa2048|rsa3072|rsa4096|p256] [--rounds 3] [--count 300] [--json FILE]

Measures this pair, and every pair given by path, against an embedded Keylime (or the real one) on this machine.
SERVER and AGENT are executables, with arguments separated by spaces.`;

/** The world runs in a process of its own: the relay, the plugins and Keylime must not wait for one another's JavaScript. */
async function serveWorld(directory: string, options: WorldOptions): Promise<void> {
  const world = await startWorld(directory, options);
  const { stop, ...told } = world;
  process.send?.(told);
  await once(process, "disconnect");
  await stop();
}

async function startWorldProcess(directory: string, options: WorldOptions): Promise<World> {
  const child = fork(__filename, ["world", directory, JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`Keylime could not be started (exit code ${code})`);
  });
  ended.catch(() => {});
  const [world] = await Promise.race([once(child, "message"), ended]);
  const stop = async () => {
    child.disconnect();
    await ended.catch(() => {});
  };
  return { ...(world as Omit<World, "stop">), stop };
}

function parsePair(text: string): Pair {
  const [, name, server, agent] = /^([^=,]+)=([^,]+),([^,]+)$/.exec(text) ?? [];
  if (name === undefined || server === undefined || agent === undefined)
    throw new Error(`cannot read --pair ${text}\n\n${usage}`);
  return { name, server: server.split(" "), agent: agent.split(" ") };
}

function ourPair(): Pair {
  const executable = resolve(process.env.BENCH_ROOT ?? ".", "dist/spire-keylime.cjs");
  accessSync(executable);
  return { name: "ours", server: [executable, "plugin", "server"], agent: [executable, "plugin", "agent"] };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      pair: { type: "string", multiple: true, default: [] },
      "real-keylime": { type: "boolean", default: false },
      "key-type": { type: "string", default: "rsa2048" },
      rounds: { type: "string", default: "3" },
      count: { type: "string", default: "300" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const pairs = [ourPair(), ...values.pair.map(parsePair)];
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  const keyType = values["key-type"] as WorldOptions["keyType"];
  const world = await startWorldProcess(directory, { isReal: values["real-keylime"], keyType });
  try {
    const document = await measure(world, keyType, pairs, Number(values.rounds), Number(values.count));
    process.stdout.write(tableText(document));
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
  } finally {
    await world.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  world: World,
  keyType: string,
  pairs: readonly Pair[],
  rounds: number,
  count: number,
): Promise<Document> {
  const [ours] = pairs;
  const contestants: Contestant[] = [
    ...pairs.map((pair) => ({ label: `${pair.name}, agent on plain HTTP`, pair, node: world.plain })),
    ...(world.mtls === undefined
      ? []
      : [{ label: `${ours!.name}, agent with mutual TLS`, pair: ours!, node: world.mtls }]),
  ];
  const results: ContestantResult[] = contestants.map((contestant) => ({
    contestant,
    oneAtATime: [],
    eightInFlight: [],
  }));
  const raw = await openRawLimit(world.plain, world.files);
  const rawSamples: RawSample[] = [];
  const rawRates: number[] = [];
  try {
    // Every contestant has its turn before any has its next: what changes on the machine meanwhile touches all alike.
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`round ${round} of ${rounds}\n`);
      rawSamples.push(...(await raw.sample(count)));
      rawRates.push(await raw.perSecond(count * 3, 8));
      for (const { contestant, oneAtATime, eightInFlight } of results) {
        oneAtATime.push(await takeTurn(contestant, count, 1));
        eightInFlight.push(await takeTurn(contestant, count * 3, 8));
      }
    }
  } finally {
    raw.close();
  }
  const limit = {
    allMs: median(rawSamples.map(({ allMs }) => allMs)) ?? 0,
    verifyMs: median(rawSamples.map(({ verifyMs }) => verifyMs)) ?? 0,
    perSecond: median(rawRates) ?? 0,
  };
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}`;
  return documentOf({ backend: `${world.backend}, ${keyType} certificates`, machine, rounds, count }, limit, results);
}

const [role, directory, options] = process.argv.slice(2);
const work =
  role === "world" && directory !== undefined && options !== undefined
    ? serveWorld(directory, JSON.parse(options) as WorldOptions)
    : main();
work.catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
