/**
 * Traces in OTLP's JSON: `resourceSpans[].scopeSpans[].spans[]`, ids in hex, nanoseconds since 1970 as text, kind and
 * status as numbers or by name. Tempo calls the outer list `batches`, older collectors the inner one
 * `instrumentationLibrarySpans`. A consumer that takes messages in batches is no child of the producer but linked to it.
 */
import { field, isMap, type JsonMap, listOf, textOf } from "./json.ts";
import { type Attributes, peerFrom } from "./peer.ts";
import type { Span, SpanCollector, SpanKind } from "./spans.ts";

const kinds: readonly SpanKind[] = ["internal", "internal", "server", "client", "producer", "consumer"];
const statusError = 2;
const hexId = /^[0-9a-fA-F]{1,64}$/;

interface Resource {
  readonly service: string | undefined;
  readonly instance: string | undefined;
}

export function isOtlp(value: unknown): boolean {
  return Array.isArray(field(value, "resourceSpans")) || Array.isArray(field(value, "batches"));
}

/** One export; bad spans are refused with their reason. */
export function readOtlp(value: unknown, into: SpanCollector): void {
  for (const batch of listOf(field(value, "resourceSpans") ?? field(value, "batches"))) {
    const attributes = attributesOf(field(field(batch, "resource"), "attributes"));
    const instance = ["service.instance.id", "k8s.pod.name", "container.id", "host.name"]
      .map((key) => textOf(attributes.get(key)))
      .find((text) => text !== undefined);
    const resource = { service: textOf(attributes.get("service.name")), instance };
    for (const scope of listOf(field(batch, "scopeSpans") ?? field(batch, "instrumentationLibrarySpans"))) {
      for (const span of listOf(field(scope, "spans"))) {
        into.add(isMap(span) ? spanFrom(span, resource) : "it is no object");
      }
    }
  }
}

function spanFrom(span: JsonMap, { service, instance }: Resource): Span | string {
  const traceId = idOf(field(span, "traceId"));
  const spanId = idOf(field(span, "spanId"));
  if (traceId === undefined || spanId === undefined) return "it has no trace or span id";
  if (service === undefined) return "its resource has no service.name";
  const startNs = nanosecondsOf(field(span, "startTimeUnixNano"));
  const endNs = nanosecondsOf(field(span, "endTimeUnixNano"));
  const attributes = attributesOf(field(span, "attributes"));
  const status = field(field(span, "status"), "code");
  return {
    traceId,
    spanId,
    parent: parentOf(span, traceId),
    service,
    instance,
    operation: textOf(field(span, "name")) ?? "",
    kind: kindOf(field(span, "kind")),
    startUs: startNs === undefined ? Number.NaN : Number(startNs) / 1000,
    durationUs: startNs === undefined || endNs === undefined ? Number.NaN : Number(endNs - startNs) / 1000,
    failed: status === statusError || status === "STATUS_CODE_ERROR",
    peer: peerFrom(attributes),
  };
}

function parentOf(span: JsonMap, traceId: string): Span["parent"] {
  const spanId = idOf(field(span, "parentSpanId"));
  if (spanId !== undefined) return { traceId, spanId, follows: false };
  const [link] = listOf(field(span, "links"));
  const linked = { traceId: idOf(field(link, "traceId")), spanId: idOf(field(link, "spanId")) };
  if (linked.traceId === undefined || linked.spanId === undefined) return undefined;
  return { traceId: linked.traceId, spanId: linked.spanId, follows: true };
}

/** All zeros is how "none" is written. */
function idOf(value: unknown): string | undefined {
  return typeof value === "string" && hexId.test(value) && !/^0+$/.test(value) ? value.toLowerCase() : undefined;
}

function nanosecondsOf(value: unknown): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(Math.round(value / 1024))) return BigInt(Math.round(value));
  return typeof value === "string" && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}

function kindOf(value: unknown): SpanKind {
  if (typeof value === "number") return kinds[value] ?? "internal";
  const name = String(value).replace("SPAN_KIND_", "").toLowerCase();
  return kinds.find((kind) => kind === name) ?? "internal";
}

function attributesOf(value: unknown): Attributes {
  const attributes = new Map<string, unknown>();
  for (const attribute of listOf(value)) {
    const key = textOf(field(attribute, "key"));
    const given = field(attribute, "value");
    if (key !== undefined) attributes.set(key, field(given, "stringValue") ?? field(given, "boolValue"));
  }
  return attributes;
}
