import { expect, it } from "vitest";
import { startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { liveTree } from "../../../test/scenarios/support/live-set-ups.js";
import { writeTree } from "../../../test/scenarios/support/machine-tree.js";
import { selfSignedPinned, serveSelfSigned } from "../../../test/scenarios/support/self-signed-agent.js";
import { diagnose } from "../diagnose.js";
import { legsOf } from "./legs-of.js";

it("lets the verifier accept a self-signed certificate that the agent registered, and refuse one that it did not", async () => {
  await using world = await startKeylimeWorld({ registered: false, enrolled: false });
  const { pki, agent } = world;
  const verdict = async () => {
    const tree = liveTree(pki, world, await selfSignedPinned.changes!(world));
    await using machine = await writeTree(tree, await selfSignedPinned.files!(world, pki));
    const options = { root: machine.root, offline: false, only: [], skip: [], timeoutMs: 3000, nowMs: Date.now() };
    const { facts } = await diagnose(options);
    const leg = legsOf(facts, options.nowMs).find(({ id }) => id === "verifier->agent");
    return leg?.verdicts.client;
  };
  await serveSelfSigned(world, pki);
  await agent.register();
  expect(await verdict()).toMatchObject({ is: "accepts", path: [{ certificate: { position: 1 } }] });

  await serveSelfSigned(world, pki);
  expect(await verdict()).toMatchObject({ is: "refuses", error: { name: "DEPTH_ZERO_SELF_SIGNED_CERT" } });
});
