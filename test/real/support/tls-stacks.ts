import { runChecked, runCommand } from "../../support/run-command.js";

export interface StackRequest {
  url: string;
  /** Path of the trust file. */
  ca: string;
  /** Paths of a certificate file and its key, both PEM; nothing is presented without. */
  pair?: { cert: string; key: string } | undefined;
  maxVersion: "1.2" | "1.3";
}

/** Asks with GET through a TLS stack and comes back when it has its answer or its error. */
export type AskThrough = (request: StackRequest) => Promise<unknown>;

const timeoutMs = 60_000;
const pairOf = ({ pair }: StackRequest, ...[certFlag, keyFlag]: [string, string]) =>
  pair === undefined ? [] : [certFlag, pair.cert, keyFlag, pair.key].filter((each) => each !== "");

const curl: AskThrough = (asked) =>
  runCommand(
    "curl",
    [
      ...["-s", "-m", "10", "--tls-max", asked.maxVersion, "--cacert", asked.ca],
      ...pairOf(asked, "--cert", "--key"),
      asked.url,
    ],
    { timeoutMs },
  );

const python = `
import http.client, ssl, sys, urllib.parse
url, version, ca = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
if version == "1.2": context.maximum_version = ssl.TLSVersion.TLSv1_2
if len(sys.argv) > 4: context.load_cert_chain(sys.argv[4], sys.argv[5])
connection = http.client.HTTPSConnection(url.hostname, url.port, context=context)
connection.request("GET", url.path)
print(connection.getresponse().status)
`;

const askAsPython: AskThrough = (asked) =>
  runCommand("python3", ["-c", python, asked.url, asked.maxVersion, asked.ca, ...pairOf(asked, "", "")], { timeoutMs });

const node = `
const [url, version, ca, cert, key] = process.argv.slice(1);
const read = (file) => file && require("fs").readFileSync(file);
const options = { ca: read(ca), cert: read(cert), key: read(key), maxVersion: "TLSv" + version, agent: false };
require("https").get(url, options, (answer) => {
  console.log(answer.statusCode);
  answer.resume();
}).on("error", (error) => console.log(error.code));
`;

/** Node of the version that runs the tests unless told. */
export const askAsNode =
  (program = process.execPath): AskThrough =>
  (asked) =>
    runCommand(program, ["-e", node, asked.url, asked.maxVersion, asked.ca, ...pairOf(asked, "", "")], { timeoutMs });

const askAsJava: AskThrough = async (asked) => {
  const source = new URL("../tls-java-client/TlsJavaClient.java", import.meta.url).pathname;
  const limit = asked.maxVersion === "1.2" ? ["-Djdk.tls.client.protocols=TLSv1.2"] : [];
  const store = asked.pair && (await keyStore(asked.pair));
  await runCommand("java", [...limit, source, asked.url, asked.ca, ...(store === undefined ? [] : [store])], {
    timeoutMs,
  });
};

/** Java reads no PEM keys. */
async function keyStore({ cert, key }: { cert: string; key: string }): Promise<string> {
  const store = `${cert}.p12`;
  await runChecked("openssl", [
    ...["pkcs12", "-export", "-in", cert, "-inkey", key, "-out", store],
    ...["-passout", "pass:x"],
  ]);
  return store;
}

/** The clients that the field uses, by what `intercept` calls their library. `program` is the built test/real/tls-go-client. */
export function tlsStacks(program: string): Record<string, AskThrough> {
  const askAsGo: AskThrough = (asked) =>
    runCommand(program, [asked.url, asked.ca, ...pairOf(asked, "", "")], {
      env: { TLS_MAX_VERSION: asked.maxVersion },
      timeoutMs,
    });
  return {
    "curl (OpenSSL)": curl,
    "Go (crypto/tls)": askAsGo,
    "Python (OpenSSL)": askAsPython,
    "Node.js (OpenSSL)": askAsNode(),
    "Java (JSSE)": askAsJava,
  };
}

/** Builds test/real/tls-go-client to the path. */
export async function buildGoClient(path: string): Promise<void> {
  const cwd = new URL("../tls-go-client", import.meta.url).pathname;
  await runChecked("go", ["build", "-o", path, "."], { cwd, timeoutMs: 150_000 });
}
