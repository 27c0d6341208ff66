import type { FuzzRequest } from "./requests.ts";
import type { FuzzAnswer } from "./send.ts";

/*
 * What an answer may look like, whatever was asked: a status that the gateway's README has, the one error model, the field
 * at fault by name, and nothing of the inside. A healthy system has no fault of its own, so 500, `internal` and `unknown`
 * are never right; 429, 503 and 504 are, as the machine may be slow, but say nothing about the request.
 */

const documented: ReadonlySet<number> = new Set([
  200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 426, 429, 431, 499, 501, 503, 504,
]);
const later: ReadonlySet<number> = new Set([429, 503, 504]);

const codes: ReadonlySet<unknown> = new Set([
  "canceled",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "unavailable",
  "unauthenticated",
]);

/** Status numbers of gRPC that say "we do not know what happened": unknown, internal, data loss. */
const faultyGrpcStatuses: ReadonlySet<string> = new Set(["2", "13", "15"]);

/** What only the inside knows: stacks, files, statements, stores, addresses, names of JavaScript's own errors. */
const leaks: readonly RegExp[] = [
  /\bat [\w.<>[\] ]+ ?\(?[^\s)]+:\d+:\d+\)?/,
  /node:internal|node_modules|file:\/\//,
  /\.[cm]?[jt]s:\d+/,
  /(?:^|[\s"'(])\/(?:home|work|usr|var|tmp|root|opt|app)\//,
  /\b(?:SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|violates .{0,40}constraint|invalid input syntax|invalid byte sequence)\b/,
  /\b(?:ECONN\w+|EPIPE|ENOENT|ETIMEDOUT|ioredis|pg_\w+|relation ")/,
  /\b(?:TypeError|RangeError|ReferenceError|SyntaxError|AssertionError|AggregateError)\b/,
  /Cannot (?:read|set|convert|mix)|is not a function|is not iterable|is not defined|undefined is not|Maximum call stack/,
  /127\.0\.0\.1:\d+|\[::1\]:\d+/,
  /\[object \w+\]/,
];

/** What is wrong with an answer, in words that name its kind first; undefined when nothing is. */
export function faultOf(sent: FuzzRequest, answer: FuzzAnswer): string | undefined {
  if (answer.status === -1) {
    return undefined;
  }
  if (answer.status === 0) {
    return `no answer: ${answer.failure}`;
  }
  if (!documented.has(answer.status)) {
    return `status ${answer.status}`;
  }
  if (answer.headers["set-cookie"] !== undefined) {
    return "a header that the request has planted";
  }
  if (answer.status === 200 && isGrpcWeb(answer)) {
    return faultOfGrpcWeb(answer);
  }
  // A head that is too large is refused by the server beneath, before there is a request to speak of.
  if (answer.status === 431) {
    return leakIn(answer.body.toString());
  }
  if (answer.status >= 400) {
    return faultOfError(sent, answer);
  }
  return sent.fault === undefined || sent.protocol !== "rest"
    ? undefined
    : `taken: ${sent.fault} should have been refused`;
}

interface ErrorBody {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

interface Detail {
  readonly "@type"?: string;
  readonly type?: string;
  readonly requestId?: string;
  readonly fieldViolations?: readonly { readonly field: string; readonly description: string }[];
}

function faultOfError(sent: FuzzRequest, answer: FuzzAnswer): string | undefined {
  const text = answer.body.toString();
  const leak = leakIn(text);
  if (leak !== undefined) {
    return leak;
  }
  const id = answer.headers["x-correlation-id"];
  if (typeof id !== "string" || id === "") {
    return `status ${answer.status} without a correlation id`;
  }
  if (sent.verb === "HEAD") {
    return undefined;
  }
  let body: ErrorBody;
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    return `status ${answer.status} whose body is no JSON`;
  }
  if (!codes.has(body.code)) {
    return `code ${String(body.code)}`;
  }
  if (typeof body.message !== "string" || body.message === "") {
    return `status ${answer.status} without a message`;
  }
  return sent.protocol === "rest" ? faultOfRestError(sent, answer, body, id) : undefined;
}

function faultOfRestError(sent: FuzzRequest, { status }: FuzzAnswer, body: ErrorBody, id: string): string | undefined {
  const details = (Array.isArray(body.details) ? body.details : []) as readonly Detail[];
  const of = (type: string) => details.find((detail) => detail["@type"] === `type.googleapis.com/google.rpc.${type}`);
  if (of("ErrorInfo") === undefined) {
    return `status ${status} without an ErrorInfo`;
  }
  if (of("RequestInfo")?.requestId !== id) {
    return `status ${status} whose details name another request`;
  }
  const { fault } = sent;
  if (fault === undefined || later.has(status)) {
    return undefined;
  }
  const named = of("BadRequest")?.fieldViolations ?? [];
  const names = ({ field }: { readonly field: string }) =>
    field === fault || (/^[.[]/.test(field.slice(fault.length)) && field.startsWith(fault));
  return status === 400 && named.some(names)
    ? undefined
    : `unnamed: ${status} for ${fault} names [${named.map(({ field }) => field).join(", ")}]`;
}

function isGrpcWeb({ headers }: FuzzAnswer): boolean {
  return String(headers["content-type"]).startsWith("application/grpc");
}

/** The status stands in the headers, or in the last frame of the body, whose flag is 0x80. */
function faultOfGrpcWeb({ headers, body }: FuzzAnswer): string | undefined {
  let fields = `grpc-status: ${String(headers["grpc-status"])}\r\ngrpc-message: ${String(headers["grpc-message"])}`;
  for (let at = 0; at + 5 <= body.length; at += 5 + body.readUInt32BE(at + 1)) {
    if ((body[at] ?? 0) >= 0x80) {
      fields = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1)).toString();
    }
  }
  const status = /grpc-status: ?(\d+)/i.exec(fields)?.[1];
  if (status === undefined) {
    return "gRPC-Web without a status";
  }
  return faultyGrpcStatuses.has(status) ? `gRPC status ${status}` : leakIn(decodeURIComponentSafely(fields));
}

export function leakIn(text: string): string | undefined {
  const found = leaks.map((leak) => leak.exec(text)?.[0]).find((each) => each !== undefined);
  return found === undefined ? undefined : `a leak: ${found}`;
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
