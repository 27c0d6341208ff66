/**
 * Finds the hosts that a piece of configuration names.
 *
 * It reads the text as the program would: hosts of URLs, `host:port`, `host=…` in connection strings, options such as
 * `--redis-host redis`, and values that are nothing but a host. A host counts only whole, so `redis` is not found in
 * `redis-cart`. What a word means depends on its key: `POSTGRES_USER: postgres` names no host, `CACHE_HOST: redis`
 * does. Whether a host is a component is the caller's question. No pattern here can run away: every repetition is
 * bounded or anchored to a token.
 */
export interface HostMention {
  /** Lower case, without port or trailing dot. */
  host: string;
  /** `address`: written as a URL, with a port or in a connection string. `word`: the host stands alone. */
  form: "address" | "word";
  /** Whether the key speaks of a host; a word under another key is weaker evidence. */
  keyNamesHost: boolean;
  /** Whether the key says that the value is the component's own or another public address. */
  keyNamesSelf: boolean;
}

const HOST = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?";
const WHOLE_HOST = new RegExp(`^${HOST}\\.?$`);
const HOST_AND_PORT = new RegExp(`^(?:[^@]{0,200}@)?(${HOST})\\.?:\\d{1,5}(?:/.*)?$`);
const ASSIGNED_HOST = new RegExp(
  `(?:^|[\\s;"'?&,])(?:host|hostname|hostaddr|server|addr|address|data source|endpoint)=(${HOST})(?=$|[\\s;"',&:/])`,
  "gi",
);
/** `--db-host=db`, `-h db`, `DB_HOST=db`, `host: db`: a key, its value. */
const KEY_AND_WORD = new RegExp(
  `(?:^|[\\s"'\\[,{])(-{0,2}[A-Za-z][\\w.-]{0,60})(?:\\s{0,2}[=:]\\s{0,2}|["',]{0,2}\\s{1,2})["']?(${HOST})(?=$|[\\s"',;)\\]}])`,
  "g",
);
/** Beyond this a scanned text is data, not configuration that names hosts. */
const MAX_SCANNED_CHARS = 100_000;

const HOST_WORDS = new Set(
  (
    "host hosts hostname hostnames url urls uri uris addr addrs address addresses endpoint endpoints server servers " +
    "broker brokers dsn upstream upstreams backend backends target targets svc peer peers bootstrap connection conn " +
    "connect proxy datasource node nodes remote"
  ).split(" "),
);
const HOST_ENDINGS = /(?:host|url|uri|addr|address|endpoint|dsn|servers|brokers)$/;
const NOT_HOST_WORDS = new Set(
  (
    "user username usr password passwd pass pwd secret token db database dbname name schema dialect driver type engine " +
    "mode env environment profile profiles active role vhost image tag version level key keys id topic topics queue " +
    "group label labels format kind provider adapter class prefix suffix domain realm client namespace command tier path"
  ).split(" "),
);
const SELF_WORDS = new Set(
  (
    "public base site self virtual allowed origin origins cors callback redirect issuer advertised advertise listen " +
    "bind listener listeners letsencrypt docs doc schema app root external webhook_base cookie canonical home"
  ).split(" "),
);

/** The hosts in one environment value; `key` is the variable's name. */
export function findHostsInValue(key: string, value: string): HostMention[] {
  // `redis:7` under such a key is an image with its tag.
  if (/(?:image|tag|version)$/i.test(key)) return [];
  const meaning = keyMeaning(key);
  const trimmed = value.trim();
  if (WHOLE_HOST.test(trimmed)) return [mention(trimmed, "word", meaning)];
  const found = scanAddresses(value, meaning);
  const parts = trimmed.split(/[\s,;]+/);
  // `zoo1,zoo2,zoo3`: a list of words is a list of hosts only where the key says so.
  if (meaning.keyNamesHost && parts.length > 1 && parts.every((part) => WHOLE_HOST.test(part))) {
    for (const part of parts) found.push(mention(part, "word", meaning));
  }
  return distinct(found);
}

/** The hosts in text without one key: command lines, configuration files. Words count only after a key of their own. */
export function findHostsInText(text: string): HostMention[] {
  const scanned = text.slice(0, MAX_SCANNED_CHARS);
  const found = scanAddresses(scanned, { keyNamesHost: false, keyNamesSelf: false });
  for (const match of scanned.matchAll(KEY_AND_WORD)) {
    const key = (match[1] as string).replace(/^-+/, "");
    const meaning = key === "h" && match[1] === "-h" ? HOST_MEANING : keyMeaning(key);
    if (meaning.keyNamesHost) found.push(mention(match[2] as string, "word", meaning));
  }
  return distinct(found);
}

/** Whether a variable of this name would hold another component's address. */
export function namesHost(key: string): boolean {
  return keyMeaning(key).keyNamesHost;
}

/** Whether a value under this key is a user, a database's name and the like, whatever word it is. */
export function namesOtherThing(key: string): boolean {
  const words = wordsOf(key);
  const last = words.at(-1) ?? "";
  if (words.length === 1 && (last === "db" || last === "database" || last === "queue")) return false;
  return NOT_HOST_WORDS.has(last) || words.includes("profiles");
}

type KeyMeaning = Pick<HostMention, "keyNamesHost" | "keyNamesSelf">;
const HOST_MEANING: KeyMeaning = { keyNamesHost: true, keyNamesSelf: false };

function keyMeaning(key: string): KeyMeaning {
  const words = wordsOf(key);
  const last = words.at(-1) ?? "";
  const keyNamesHost = !namesOtherThing(key) && (words.some((word) => HOST_WORDS.has(word)) || HOST_ENDINGS.test(last));
  const alone = words.length === 1 && (last === "host" || last === "hostname" || last === "address");
  return { keyNamesHost, keyNamesSelf: alone || words.some((word) => SELF_WORDS.has(word)) };
}

/** `redisHost`, `REDIS_HOST` and `spring.redis.host` are the same words. */
function wordsOf(key: string): string[] {
  return key
    .slice(0, 200)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}

function scanAddresses(value: string, meaning: KeyMeaning): HostMention[] {
  const text = value.slice(0, MAX_SCANNED_CHARS);
  const found: HostMention[] = [];
  // URLs are cut out, so that their user, password and path are not read a second time as something else.
  let rest = "";
  let position = 0;
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", position)) {
    let start = at;
    while (start > position && /[A-Za-z0-9+.:-]/.test(text[start - 1] as string)) start--;
    rest += `${text.slice(position, start)} `;
    const end = authorityEnd(text, at + 3);
    const scheme = text.slice(start, at).split(":").at(-1) ?? "";
    if (NETWORK_SCHEME.test(scheme)) {
      for (const host of hostsOfAuthority(text.slice(at + 3, end))) found.push(mention(host, "address", meaning));
    }
    position = pathEnd(text, end);
  }
  rest += text.slice(position);
  for (const token of rest.split(/[\s,;"'`()[\]{}<>|=&\\]+/)) {
    const match = token.length <= 500 ? HOST_AND_PORT.exec(token) : null;
    if (match !== null) found.push(mention(match[1] as string, "address", meaning));
  }
  for (const match of rest.matchAll(ASSIGNED_HOST)) found.push(mention(match[1] as string, "address", meaning));
  return found;
}

/** Schemes whose authority is no host are left out: `file://`, `s3://bucket`. */
const NETWORK_SCHEME = /^(?!(?:file|unix|s3|s3a|gs|gcs|abfss?|classpath|jar|data|arn)$)[A-Za-z][A-Za-z0-9+.-]*$/i;

function authorityEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && !/[\s/?#"'`<>\\|{}]/.test(text[end] as string)) end++;
  return end;
}

function pathEnd(text: string, start: number): number {
  let end = start;
  // A comma may begin the next URL of a list, and a query may hold one; both are scanned on their own.
  while (end < text.length && !/[\s,;"'`<>?&]/.test(text[end] as string)) end++;
  return end;
}

/** `user:password@a:1,b:2` names a and b; `tcp(db:3306)` is how Go's MySQL driver writes db. */
function hostsOfAuthority(authority: string): string[] {
  const hosts: string[] = [];
  const withoutUser = authority.slice(authority.lastIndexOf("@") + 1);
  for (const part of withoutUser.split(/[,;]/)) {
    const inner = /^\w{2,5}\((.*)\)$/.exec(part)?.[1] ?? part;
    const host = inner.replace(/:\d{1,5}$/, "");
    if (WHOLE_HOST.test(host)) hosts.push(host);
  }
  return hosts;
}

function mention(host: string, form: HostMention["form"], meaning: KeyMeaning): HostMention {
  return { host: host.toLowerCase().replace(/\.$/, ""), form, ...meaning };
}

function distinct(mentions: readonly HostMention[]): HostMention[] {
  const byHost = new Map<string, HostMention>();
  for (const found of mentions) {
    const known = byHost.get(found.host);
    if (known === undefined || (known.form === "word" && found.form === "address")) byHost.set(found.host, found);
  }
  return [...byHost.values()];
}
