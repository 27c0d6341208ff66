import { type DescMethod, fromJson, type JsonObject, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { type RestBinding, restBindingsOfMethod } from "@weft/transcoding";
import { hostileHeaders, hostileSegments } from "./hostile-texts.ts";
import { type Mutated, mutateMessage, sampleMessage } from "./mutate-message.ts";
import { mutateBytes, mutateJson } from "./mutate-text.ts";
import type { Random } from "./random.ts";

/*
 * One request of the fuzzer, from a method, a good request to it and a source of choices: as it stands, nearly right, or
 * hostile, in one of the protocols of the public port.
 */

const protocols = ["rest", "connect-json", "connect-binary", "grpc-web"] as const;
type Protocol = (typeof protocols)[number];

/** What is sent, as plain data, so that it can be made smaller, printed and sent again. */
export interface FuzzRequest {
  /** Of the method, or of what else is asked for. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly verb: string;
  /** Path and query as they are sent, byte by byte. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The field that the refusal must name; the request must be refused. */
  readonly fault?: string;
  readonly what: string;
}

const contentTypes = {
  rest: "application/json",
  "connect-json": "application/json",
  "connect-binary": "application/proto",
  "grpc-web": "application/grpc-web+proto",
} as const satisfies Record<Protocol, string>;

/** `good` is a request that the service takes; `token` proves who asks, "" nobody. */
export function fuzzRequest(method: DescMethod, good: JsonObject, token: string, random: Random): FuzzRequest {
  const bindings = restBindingsOfMethod(method);
  const protocol = bindings.length === 0 ? random.pick(protocols.slice(1)) : protocolOf(random);
  const request = { name: method.name, protocol };
  const authorization: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
  const headers = { ...authorization, "content-type": contentTypes[protocol] };
  const roll = random.next();
  // 1 in 8 as it is, half nearly right, the rest hostile in a way that belongs to the protocol.
  const near = roll < 0.125 ? undefined : roll < 0.6;
  if (protocol === "rest") {
    return finish({ ...request, ...restRequest(random.pick(bindings), good, near, random), headers }, near, random);
  }
  const target = `/${method.parent.typeName}/${method.name}`;
  if (protocol === "connect-json") {
    const { message, what } = near === true ? mutated(method, good, random) : { message: good, what: "as it is" };
    const text = JSON.stringify(message);
    const json = near === false ? mutateJson(text, random) : { body: Buffer.from(text), what };
    return finish({ ...request, verb: "POST", target, headers, ...withoutFault(json) }, near, random);
  }
  const { message, what } = near === true ? mutated(method, good, random) : { message: good, what: "as it is" };
  const bytes = binaryOf(method, message) ?? binaryOf(method, good) ?? Buffer.alloc(0);
  if (protocol === "connect-binary") {
    const sent = near === false ? mutateBytes(bytes, random) : { body: bytes, what };
    const get = method.idempotency === 1 && sent.body.byteLength < 4000 && random.chance(0.3);
    return finish(
      get
        ? { ...request, headers: authorization, ...inQuery(target, sent.body, random), what: sent.what }
        : { ...request, verb: "POST", target, headers, ...sent },
      near,
      random,
    );
  }
  const framed = enveloped(bytes, 0);
  const body = near === false ? mutateEnvelope(bytes, random) : { body: framed, what };
  return finish({ ...request, verb: "POST", target, headers, ...body }, near, random);
}

const pages = [
  "/",
  "/healthz",
  "/readyz",
  "/docs",
  "/openapi.json",
  "/ws",
  "/api/realtime/tickets",
  "/api",
  "/favicon.ico",
];
const verbs = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "M-SEARCH"];
const internalRpcs = [
  "weft.auth.v1.AuthService/GrantRole",
  "weft.user.v1.UserService/DeleteUser",
  "weft.lane.v1.LaneService/Open",
];

/** What is served beside the methods, what is for the mesh only, and what is not there; by any verb. */
export function sideDoor(token: string, random: Random): FuzzRequest {
  const path = random.chance(0.2) ? `/${random.pick(internalRpcs)}` : random.pick(pages);
  const request: FuzzRequest = {
    name: path,
    protocol: "rest",
    verb: random.pick(verbs),
    target: random.chance(0.4) ? hostileTarget(path, random) : path,
    headers: { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    body: random.chance(0.5) ? Buffer.alloc(0) : mutateJson("{}", random).body,
    what: "beside the methods",
  };
  return finish(request, false, random);
}

/** A Connect call by GET, which methods without side effects can have. */
function inQuery(target: string, bytes: Buffer, random: Random): Pick<FuzzRequest, "verb" | "target" | "body"> {
  const message = random.chance(0.8) ? bytes.toString("base64url") : random.pick(["*", "%ff", "a".repeat(5), ""]);
  const options = random.chance(0.8)
    ? "encoding=proto&base64=1"
    : random.pick(["encoding=proto", "encoding=json&base64=1", "encoding=nonsense", "base64=2", "compression=gzip"]);
  return { verb: "GET", target: `${target}?connect=v1&${options}&message=${message}`, body: Buffer.alloc(0) };
}

function protocolOf(random: Random): Protocol {
  return random.chance(0.55) ? "rest" : random.pick(protocols.slice(1));
}

function withoutFault({ body, what }: { readonly body: Buffer; readonly what: string }) {
  return { body, what };
}

function mutated(method: DescMethod, good: JsonObject, random: Random): Mutated {
  const ids = Object.fromEntries(Object.entries(good).filter(([name]) => /id$/i.test(name)));
  const base = random.chance(0.25) ? { ...sampleMessage(method.input, random), ...ids } : good;
  const once = mutateMessage(method.input, base, random);
  // What was made up may be wrong in other ways: no single field has to be named.
  return base === good ? once : { message: once.message, what: `made up, ${once.what}` };
}

/** One in five carries a header that nobody means; not the nearly right ones, of which the field at fault is asked. */
function finish(request: FuzzRequest, near: boolean | undefined, random: Random): FuzzRequest {
  if (near === true || !random.chance(0.2)) {
    return request;
  }
  const [name, value] = random.pick(hostileHeaders);
  const { fault: _, ...others } = request;
  return {
    ...others,
    headers: { ...request.headers, [name]: value },
    what: `${request.what}; ${name}: ${value.slice(0, 30)}`,
  };
}

type Target = Pick<FuzzRequest, "verb" | "target" | "body" | "what"> & { readonly fault?: string };

function restRequest(binding: RestBinding, good: JsonObject, near: boolean | undefined, random: Random): Target {
  const inPath = new Set([...binding.pathFields.keys()].map(protoCamelCase));
  const hasBody = binding.bodyField !== "";
  if (near === true) {
    const { message, fault, what } = mutated(binding.method, good, random);
    // Everything in a path or a query is a text: only what cannot be read from one is a fault there.
    const name = fault?.split(/[.[]/)[0] ?? "";
    const value = message[name];
    const isText = !hasBody || inPath.has(name);
    const takesAnyText = isText && (typeof value === "object" || binding.method.input.fields.some(isTextField(name)));
    const beyond = what.endsWith("just beyond a limit");
    const sure = fault !== undefined && (!takesAnyText || (beyond && typeof value !== "object"));
    const parts = restTarget(binding, message, inPath);
    return sure ? { ...parts, what, fault } : { ...parts, what };
  }
  const parts = restTarget(binding, good, inPath);
  if (near === undefined) {
    return { ...parts, what: "as it is" };
  }
  if (hasBody && random.chance(0.65)) {
    return { ...parts, ...mutateJson(parts.body.toString(), random) };
  }
  return { ...parts, target: hostileTarget(parts.target, random), what: "a path that nobody means" };
}

const isTextField = (name: string) => (field: { readonly jsonName: string; readonly scalar?: number | undefined }) =>
  field.jsonName === name && field.scalar === 9;

function restTarget(binding: RestBinding, message: JsonObject, inPath: ReadonlySet<string>): Omit<Target, "what"> {
  const path = binding.template.text.replaceAll(/\{(\w+)[^}]*\}/g, (_, name: string) =>
    encoded(message[protoCamelCase(name)] ?? "none"),
  );
  const rest = Object.entries(message).filter(([name]) => !inPath.has(name));
  if (binding.bodyField !== "") {
    return { verb: binding.verb, target: path, body: Buffer.from(JSON.stringify(Object.fromEntries(rest))) };
  }
  const query = rest
    .filter(([, value]) => value !== null)
    .flatMap(([name, value]) => [value].flat().map((each) => `${encoded(name)}=${encoded(each as JsonValue)}`));
  return {
    verb: binding.verb,
    target: query.length === 0 ? path : `${path}?${query.join("&")}`,
    body: Buffer.alloc(0),
  };
}

function encoded(value: JsonValue): string {
  return encodeURIComponent((typeof value === "object" ? JSON.stringify(value) : String(value)).toWellFormed());
}

function hostileTarget(target: string, random: Random): string {
  const segments = target.split("/");
  const odd = random.pick(hostileSegments);
  switch (random.below(5)) {
    case 0:
      return `${target}${target.includes("?") ? "&" : "?"}${random.pick(["__proto__", "constructor.prototype.a", "a[b]", "%00", odd])}=${odd}`;
    case 1:
      return `${target}/${odd}`;
    case 2:
      return `${target}?${"a=b&".repeat(random.pick([1, 50, 1000]))}`;
    case 3:
      return `/${odd}${target}`;
    default: {
      const at = 2 + random.below(Math.max(1, segments.length - 2));
      return segments.map((segment, index) => (index === at ? odd : segment)).join("/");
    }
  }
}

function binaryOf(method: DescMethod, message: JsonObject): Buffer | undefined {
  try {
    return Buffer.from(toBinary(method.input, fromJson(method.input, message)));
  } catch {
    return undefined;
  }
}

function enveloped(message: Buffer, flags: number, length = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

function mutateEnvelope(message: Buffer, random: Random): { body: Buffer; what: string } {
  switch (random.below(7)) {
    case 0:
      return {
        body: enveloped(message, 0, random.pick([0, 1, message.length + 1, 2 ** 31, 2 ** 32 - 1])),
        what: "a false length",
      };
    case 1:
      return { body: enveloped(message, random.pick([1, 2, 0x80, 0x81, 0xff])), what: "odd flags" };
    case 2:
      return { body: Buffer.concat([enveloped(message, 0), enveloped(message, 0)]), what: "two messages" };
    case 3:
      return { body: enveloped(message, 0).subarray(0, random.below(message.length + 5)), what: "cut off" };
    case 4:
      return { body: random.bytes(random.below(64)), what: "random bytes" };
    default: {
      const { body, what } = mutateBytes(message, random);
      return { body: enveloped(body, 0), what };
    }
  }
}
