import { runChecked, runCommand } from "../../support/run-command.js";
import type { TemporaryDirectory } from "../../support/temporary-directory.js";

const sources = new URL("../tls-peers/", import.meta.url).pathname;

/** TLS 1.2 or 1.3. */
export type TlsMinor = "2" | "3";

/** How a TLS peer of one stack is started; `test/real/tls-peers/peer.go` says what they do. */
export interface TlsPeer {
  server(port: number, version: TlsMinor, keyLog: string): { command: string; args: string[] };
  /** One connection for each name. */
  connect(port: number, version: TlsMinor, keyLog: string, names: readonly string[]): Promise<void>;
  /** Presents a certificate with another key; the others refuse to load such a pair. */
  takesWrongKey: boolean;
}

export const peerNames = ["openssl", "go", "python", "node", "java"] as const;
export type PeerStack = (typeof peerNames)[number];

/** Compiles what needs it into the directory, which holds the certificates too. */
export async function tlsPeers(files: TemporaryDirectory): Promise<Record<PeerStack, TlsPeer>> {
  await runChecked("javac", ["-d", files.path, `${sources}Peer.java`], { timeoutMs: 150_000 });
  const program = programIn(files);
  return {
    openssl: { ...openssl(files), takesWrongKey: false },
    go: await goPeer(files),
    python: { ...program("python3", `${sources}peer.py`), takesWrongKey: false },
    node: { ...program("node", `${sources}peer.cjs`), takesWrongKey: false },
    java: {
      ...program("java", "-XX:TieredStopAtLevel=1", "-cp", files.path, "Peer"),
      takesWrongKey: true,
    },
  };
}

/** Go's alone. */
export async function goPeer(files: TemporaryDirectory): Promise<TlsPeer> {
  const path = files.file("peer-go");
  await runChecked("go", ["build", "-o", path, `${sources}peer.go`], { timeoutMs: 150_000 });
  return { ...programIn(files)(path), takesWrongKey: true };
}

function programIn(files: TemporaryDirectory) {
  return (command: string, ...front: string[]): Pick<TlsPeer, "server" | "connect"> => ({
    server: (port, version, keyLog) => ({
      command,
      args: [...front, "server", String(port), version, files.path, keyLog],
    }),
    async connect(port, version, keyLog, names) {
      const args = [...front, "client", String(port), version, files.path, keyLog, ...names];
      await runChecked(command, args, { timeoutMs: 60_000 });
    },
  });
}

function openssl(files: TemporaryDirectory): Pick<TlsPeer, "server" | "connect"> {
  const pair = (name: string) => ["-cert", files.file(`${name}.crt`), "-key", files.file(`${name}.key`)];
  const trust = (name: string) => ["-CAfile", files.file(`${name}.crt`), "-verify_return_error"];
  return {
    server: (port, version, keyLog) => ({
      command: "openssl",
      args: [
        ...["s_server", "-accept", `127.0.0.1:${port}`, `-tls1_${version}`, "-keylogfile", keyLog, "-www"],
        ...[...pair("server"), ...trust("ca"), "-Verify", "3"],
      ],
    }),
    async connect(port, version, keyLog, names) {
      for (const name of names) {
        const own =
          name === "none" || name === "distrust" ? [] : [...pair(name), "-cert_chain", files.file(`${name}.crt`)];
        const args = [
          ...["s_client", "-connect", `127.0.0.1:${port}`, `-tls1_${version}`, "-servername", "localhost"],
          ...["-keylogfile", keyLog, ...trust(name === "distrust" ? "other-ca" : "ca"), ...own],
        ];
        await runCommand("openssl", [...args, "-ign_eof"], { input: "GET / HTTP/1.0\r\n\r\n", timeoutMs: 10_000 });
      }
    },
  };
}
