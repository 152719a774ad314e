import { join } from "node:path";
import type { RealPrograms } from "./real/real-programs.js";
import { quoted } from "./shell.js";
import type { Command, World } from "./world.js";

type Played = Pick<World, "files" | "ports" | "agentId">;

/** What an operator would ask Keylime by hand, with the report's files. */
export function keylimeCommands({ files, ports, agentId }: Played): Command[] {
  const [ca, cert, key] = [files.caFile, files.verifierCert, files.verifierKey].map(quoted);
  const curl = `curl --cacert ${ca} \\\n  --cert ${cert} \\\n  --key ${key} \\\n `;
  const [defaultCert, defaultKey] = ["server-cert.crt", "server-private.pem"].map((name) =>
    quoted(join(files.cvCa, name)),
  );
  return [
    {
      what: "the machine at the verifier",
      command: `${curl} https://127.0.0.1:${ports.verifier}/v2.5/agents/${agentId}`,
    },
    {
      what: "the machine at the registrar",
      command: `${curl} https://127.0.0.1:${ports.registrarTls}/v2.5/agents/${agentId}`,
    },
    {
      what: "the failing handshake, with OpenSSL in the Go plugin's place",
      command: `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -ign_eof -connect 127.0.0.1:${ports.verifier} \\\n  -CAfile ${ca} \\\n  -cert ${defaultCert} \\\n  -key ${defaultKey}`,
    },
  ];
}

/** What this program has to say of the lab. */
export function ownCommands({ files, ports }: Pick<World, "files" | "ports">, executable: string): Command[] {
  const [server, agent] = [files.spireServer.configFile, files.spireAgent.configFile].map(quoted);
  const [ca, cert, key] = [
    files.caFile,
    join(files.cvCa, "server-cert.crt"),
    join(files.cvCa, "server-private.pem"),
  ].map(quoted);
  const self = [process.execPath, executable].map(quoted).join(" ");
  const configs = `--server-config ${server} \\\n  --agent-config ${agent}`;
  return [
    {
      what: "the same handshake message by message, and what the server makes of it",
      command: `${self} probe 127.0.0.1:${ports.verifier} \\\n  --ca ${ca} \\\n  --cert ${cert} \\\n  --key ${key}`,
    },
    {
      what: "one attestation message by message (refused, as long as the machine's state is)",
      command: `${self} rehearse ${configs}`,
    },
    { what: "what keeps the node from attesting, and what to do about it", command: `${self} doctor ${configs}` },
  ];
}

/** SPIRE's own command line at the lab's sockets. */
export function spireCommands({ files }: Pick<World, "files">, { spireServer, spireAgent }: RealPrograms): Command[] {
  const socket = `-socketPath ${quoted(files.spireServer.socketPath)}`;
  return [
    { what: "SPIRE's agent list", command: `${quoted(spireServer)} agent list ${socket}` },
    { what: "SPIRE's entries", command: `${quoted(spireServer)} entry show ${socket}` },
    {
      what: "the SPIRE agent once more (it ends refused, as long as the machine's state is)",
      command: `${quoted(spireAgent)} run -config ${quoted(files.spireAgent.configFile)}`,
    },
  ];
}
