import type { NginxDirective } from "../../../formats/nginx/parser.js";
import type { ProxyFacts } from "./proxy-facts.js";

/** A directive with the file it stands in, what it includes put in its place. */
export interface PlacedDirective extends Omit<NginxDirective, "block"> {
  file: string;
  inner: readonly PlacedDirective[];
}

/** What a block hands down to the blocks in it. */
type Inherited = Readonly<Record<string, PlacedDirective>>;

const handedDown = ["proxy_ssl_name", "proxy_ssl_server_name", "proxy_ssl_verify"];
const httpsPort = 443;

/** Every proxy_pass to an https URL without variables, with the directives that count for it (ngx_http_proxy_module). */
export function nginxProxies(directives: readonly PlacedDirective[]): ProxyFacts[] {
  const upstreams = new Map<string, readonly PlacedDirective[]>();
  for (const { name, args, inner } of everywhere(directives))
    if (name === "upstream" && args[0] !== undefined) upstreams.set(args[0], inner);
  return walk(directives, {}, [], upstreams);
}

function everywhere(directives: readonly PlacedDirective[]): PlacedDirective[] {
  return directives.flatMap((each) => [each, ...everywhere(each.inner)]);
}

function walk(
  directives: readonly PlacedDirective[],
  above: Inherited,
  listens: readonly string[],
  upstreams: ReadonlyMap<string, readonly PlacedDirective[]>,
): ProxyFacts[] {
  const own = Object.fromEntries(
    directives.filter(({ name }) => handedDown.includes(name)).map((each) => [each.name, each]),
  );
  const inherited = { ...above, ...own };
  const here = directives.flatMap(({ name, args }) => (name === "listen" && args[0] !== undefined ? [args[0]] : []));
  const ports = here.length > 0 ? here : listens;
  return directives.flatMap((each) => [
    ...(each.name === "proxy_pass" ? proxyOf(each, inherited, ports, upstreams) : []),
    ...walk(each.inner, inherited, ports, upstreams),
  ]);
}

function proxyOf(
  { args, file, line }: PlacedDirective,
  inherited: Inherited,
  listens: readonly string[],
  upstreams: ReadonlyMap<string, readonly PlacedDirective[]>,
): ProxyFacts[] {
  const target = args[0] ?? "";
  const match = /^https:\/\/(\[[^\]]+\]|[^/:$]+)(?::(\d+))?(?:\/[^$]*)?$/i.exec(target);
  if (match === null) return [];
  const host = match[1]!;
  const { proxy_ssl_name: named, proxy_ssl_server_name: sends, proxy_ssl_verify: verifies } = inherited;
  const at = named === undefined ? undefined : { file: named.file, line: named.line, column: 1 };
  return [
    {
      at: { file, line, column: 1 },
      target,
      servers: serversOf(host, Number(match[2] ?? httpsPort), upstreams),
      listens,
      name: { value: named?.args[0] ?? host, at },
      sendsName: sends?.args[0] === "on",
      verifies: verifies?.args[0] === "on",
    },
  ];
}

function serversOf(host: string, port: number, upstreams: ReadonlyMap<string, readonly PlacedDirective[]>) {
  const servers = (upstreams.get(host) ?? []).filter(({ name }) => name === "server").map(({ args }) => args[0] ?? "");
  if (servers.length === 0) return [{ host: bare(host), port }];
  return servers.flatMap((server) => {
    const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(server);
    return match === null ? [] : [{ host: bare(match[1]!), port: Number(match[2] ?? port) }];
  });
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, "");
