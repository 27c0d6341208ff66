/**
 * Traces as Jaeger's query API answers them (/api/traces): `data[]` with `spans[]` and `processes`; times in microseconds.
 * A list of traces and a single trace, as people save them, are read too.
 */
import { field, isMap, type JsonMap, listOf, textOf } from "./json.ts";
import { type Attributes, peerFrom } from "./peer.ts";
import type { Span, SpanCollector, SpanKind } from "./spans.ts";

const kinds: readonly string[] = ["server", "client", "producer", "consumer", "internal"] satisfies SpanKind[];

interface Process {
  readonly service: string;
  readonly instance: string | undefined;
}

export function isJaegerTrace(value: unknown): boolean {
  return Array.isArray(field(value, "spans")) && isMap(field(value, "processes"));
}

/** One trace; bad spans are refused with their reason. */
export function readJaegerTrace(trace: unknown, into: SpanCollector): void {
  const processes = new Map<string, Process>();
  const given = field(trace, "processes");
  for (const id of isMap(given) ? Object.keys(given) : []) {
    const process = processFrom(field(given, id));
    if (process !== undefined) processes.set(id, process);
  }
  for (const span of listOf(field(trace, "spans"))) {
    into.add(isMap(span) ? spanFrom(span, processes) : "it is no object");
  }
}

function processFrom(value: unknown): Process | undefined {
  const service = textOf(field(value, "serviceName"));
  if (service === undefined) return undefined;
  const tags = tagsOf(field(value, "tags"));
  const instance = ["service.instance.id", "k8s.pod.name", "host.name", "hostname", "ip"]
    .map((key) => textOf(tags.get(key)))
    .find((text) => text !== undefined);
  return { service, instance };
}

function spanFrom(span: JsonMap, processes: ReadonlyMap<string, Process>): Span | string {
  const traceId = textOf(field(span, "traceID"));
  const spanId = textOf(field(span, "spanID"));
  if (traceId === undefined || spanId === undefined) return "it has no trace or span id";
  const process = processes.get(textOf(field(span, "processID")) ?? "") ?? processFrom(field(span, "process"));
  if (process === undefined) return "its process has no service name";
  const [startUs, durationUs] = [field(span, "startTime"), field(span, "duration")];
  const tags = tagsOf(field(span, "tags"));
  const kind = String(tags.get("span.kind") ?? "").toLowerCase();
  const error = tags.get("error");
  return {
    traceId,
    spanId,
    parent: parentOf(span, traceId),
    ...process,
    operation: textOf(field(span, "operationName")) ?? "",
    kind: kinds.includes(kind) ? (kind as SpanKind) : "internal",
    startUs: typeof startUs === "number" ? startUs : Number.NaN,
    durationUs: typeof durationUs === "number" ? durationUs : Number.NaN,
    failed: error === true || error === "true" || tags.get("otel.status_code") === "ERROR",
    peer: peerFrom(tags),
  };
}

/** The span it is a child of before any that it only follows. */
function parentOf(span: JsonMap, traceId: string): Span["parent"] {
  let followed: Span["parent"];
  for (const reference of listOf(field(span, "references"))) {
    const spanId = textOf(field(reference, "spanID"));
    if (spanId === undefined) continue;
    const parent = { traceId: textOf(field(reference, "traceID")) ?? traceId, spanId };
    if (field(reference, "refType") !== "FOLLOWS_FROM") return { ...parent, follows: false };
    followed ??= { ...parent, follows: true };
  }
  const spanId = textOf(field(span, "parentSpanID"));
  return followed ?? (spanId === undefined ? undefined : { traceId, spanId, follows: false });
}

function tagsOf(value: unknown): Attributes {
  const tags = new Map<string, unknown>();
  for (const tag of listOf(value)) {
    const key = textOf(field(tag, "key"));
    if (key !== undefined) tags.set(key, field(tag, "value"));
  }
  return tags;
}
