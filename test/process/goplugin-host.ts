// A host in a process of its own: loads the plugin, prints its pid, then follows the lines of its stdin. It takes the same
// signals as its plugin, as SPIRE does under systemd.
import { createInterface } from "node:readline";
import { hostPlugin } from "spire-keylime/plugin-sdk";

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function main(command: string): Promise<void> {
  process.on("SIGTERM", () => {});
  const plugin = await hostPlugin({ command, type: "NodeAttestor", name: "fixture", trustDomain: "example.org" });
  await plugin.configure("x");
  say({ pid: plugin.pid });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "close") {
      process.stdout.write(`${JSON.stringify(await plugin.close())}\n`, () => process.exit(0));
      return;
    }
    const stream = plugin.attestServer();
    await stream.send({ payload: Buffer.from(line) });
    say((await stream.receive())?.agentAttributes?.selectorValues);
  }
}

main(process.argv[2]!).catch((error) => {
  say(String(error));
  process.exit(1);
});
