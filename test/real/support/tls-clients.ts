import { runCommand } from "../../support/run-command.js";
import { until } from "../../support/until.js";

export interface PresentedFiles {
  /** Paths; nothing is presented without. */
  certFile?: string;
  keyFile?: string;
  /** The client's trust file. OpenSSL also completes its own chain from it, so leave it out to send the file alone. */
  caFile?: string;
}

/** What a server made of a client: an HTTP status, or the alert that ended the connection, as `alert 48`. */
export type Verdict = number | `alert ${number}`;

/**
 * One GET by curl over TLS 1.3; when no answer comes, the alert as `openssl s_client` reports it (curl sometimes finds
 * the connection closed before it has read the alert).
 */
export async function verdictOnClient(url: string, files: PresentedFiles): Promise<Verdict> {
  const status = await curlStatus(url, files);
  if (status !== 0) return status;
  const alert = await until(() => opensslAlert(url, files), {
    what: `the alert that ${url} answers`,
    timeoutMs: 15_000,
  });
  return `alert ${alert}`;
}

/** 0 when there was no HTTP answer. */
export async function curlStatus(url: string, { certFile, keyFile, caFile }: PresentedFiles): Promise<number> {
  const { stdout } = await runCommand("curl", [
    ...["--silent", "--tlsv1.3", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}"],
    ...(caFile === undefined ? ["--insecure"] : ["--cacert", caFile]),
    ...(certFile === undefined ? [] : ["--cert", certFile]),
    ...(keyFile === undefined ? [] : ["--key", keyFile]),
    url,
  ]);
  return Number(stdout);
}

/** Everything `openssl s_client` prints about a TLS 1.3 connection that it keeps open until the server closes it. */
export async function opensslSession(url: string, { certFile, keyFile, caFile }: PresentedFiles): Promise<string> {
  const { stdout, stderr } = await runCommand(
    "openssl",
    [
      // -cert takes the first certificate of a file alone; -cert_chain sends the rest (the first once more, harmlessly).
      ...["s_client", "-connect", new URL(url).host, "-tls1_3", "-ign_eof"],
      ...(caFile === undefined ? [] : ["-CAfile", caFile]),
      ...(certFile === undefined ? [] : ["-cert", certFile, "-cert_chain", certFile]),
      ...(keyFile === undefined ? [] : ["-key", keyFile]),
    ],
    { input: `GET ${new URL(url).pathname} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`, timeoutMs: 10_000 },
  );
  return stdout + stderr;
}

async function opensslAlert(url: string, files: PresentedFiles): Promise<number | undefined> {
  const number = /SSL alert number (\d+)/.exec(await opensslSession(url, files))?.[1];
  return number === undefined ? undefined : Number(number);
}
