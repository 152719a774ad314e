// A TLS peer of Node's tls for captures; the usage is peer.go's. It refuses to load a key that is not the certificate's.
const { appendFileSync, readFileSync } = require("node:fs");
const { connect, createServer } = require("node:tls");

const [role, port, version, directory, keyLog, ...names] = process.argv.slice(2);
const read = (name) => readFileSync(`${directory}/${name}`);
const versions = { minVersion: `TLSv1.${version}`, maxVersion: `TLSv1.${version}` };
const logKeys = (line) => appendFileSync(keyLog, line);

function serve() {
  const own = { cert: read("server.crt"), key: read("server.key"), ca: read("ca.crt") };
  const server = createServer({ ...own, ...versions, requestCert: true, rejectUnauthorized: true });
  server.on("keylog", logKeys).on("tlsClientError", () => {});
  server.on("secureConnection", (socket) => socket.on("error", () => {}).once("data", () => socket.end("bye")));
  server.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
}

function connectAs(name) {
  const own = name === "none" || name === "distrust" ? {} : { cert: read(`${name}.crt`), key: read(`${name}.key`) };
  const trust = name === "distrust" ? {} : { ca: read("ca.crt") };
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: Number(port),
      servername: "localhost",
      ...own,
      ...trust,
      ...versions,
    });
    socket
      .on("keylog", logKeys)
      .on("error", () => {})
      .on("close", resolve);
    socket.on("secureConnect", () => socket.write("GET / HTTP/1.0\r\n\r\n")).resume();
    socket.setTimeout(5000, () => socket.destroy());
  });
}

async function connectAll() {
  for (const name of names) await connectAs(name);
}

if (role === "server") serve();
else connectAll();
