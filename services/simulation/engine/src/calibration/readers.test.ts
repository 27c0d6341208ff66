import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrate } from "./calibrate.ts";
import { CalibrationError } from "./json.ts";
import { readTraces } from "./read-traces.ts";
import { SpanCollector } from "./spans.ts";

const us = 1_700_000_000_000_000;
const jaegerSpan = (spanID: string, processID: string, over: object = {}) => ({
  traceID: "t1",
  spanID,
  processID,
  operationName: "GET /",
  startTime: us,
  duration: 5000,
  tags: [{ key: "span.kind", type: "string", value: "server" }],
  references: [],
  ...over,
});
const childOf = (spanID: string, refType = "CHILD_OF") => ({ references: [{ refType, traceID: "t1", spanID }] });
const jaeger = (...spans: object[]) => ({
  data: [
    {
      traceID: "t1",
      spans,
      processes: { p1: { serviceName: "web", tags: [{ key: "hostname", value: "h1" }] }, p2: { serviceName: "api" } },
    },
  ],
});

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const otlpSpan = (spanId: string, kind: number | string, over: object = {}) => ({
  traceId: "5b8aa5a2d2c872e8321cf37308d69df2",
  spanId,
  name: "op",
  kind,
  startTimeUnixNano: "1700000000000000123",
  endTimeUnixNano: "1700000000005000456",
  ...over,
});
const otlp = (service: string, ...spans: object[]) => ({
  resource: { attributes: [text("service.name", service), text("service.instance.id", `${service}-0`)] },
  scopeSpans: [{ spans }],
});

function read(...values: unknown[]): SpanCollector {
  const collector = new SpanCollector();
  for (const value of values) readTraces(value, collector, "traces.json");
  return collector;
}

describe("readTraces", () => {
  test("reads Jaeger's spans with their service, host, cause, kind and error", () => {
    const error = {
      tags: [
        { key: "error", type: "bool", value: true },
        { key: "span.kind", value: "client" },
      ],
    };
    const { spans } = read(jaeger(jaegerSpan("a", "p1"), jaegerSpan("b", "p2", { ...childOf("a"), ...error })));
    expect(spans).toMatchObject([
      {
        service: "web",
        instance: "h1",
        kind: "server",
        startUs: us,
        durationUs: 5000,
        failed: false,
        parent: undefined,
      },
      { service: "api", kind: "client", failed: true, parent: { traceId: "t1", spanId: "a", follows: false } },
    ]);
  });

  test("reads a single Jaeger trace, and a list of them", () => {
    const [trace] = jaeger(jaegerSpan("a", "p1")).data;
    expect(read(trace).spans.length).toBe(1);
    expect(read([trace, { ...trace, spans: [jaegerSpan("b", "p2")] }]).spans.length).toBe(2);
  });

  test("takes what only follows from a span for a call that nobody waits for", () => {
    const spans = [jaegerSpan("a", "p1"), jaegerSpan("b", "p2", childOf("a", "FOLLOWS_FROM"))];
    const { links } = calibrate(read(jaeger(...spans))).architecture;
    expect(links.find(({ to }) => to === "api")?.asynchronous).toBe(true);
  });

  test("reads OTLP with its nanoseconds, kinds and status by number or by name", () => {
    const failed = { parentSpanId: "EEE19B7EC3C1B174", status: { code: "STATUS_CODE_ERROR" } };
    const { spans } = read({
      resourceSpans: [
        otlp("web", otlpSpan("eee19b7ec3c1b174", 2)),
        otlp("api", otlpSpan("eee19b7ec3c1b175", "SPAN_KIND_CLIENT", failed)),
      ],
    });
    expect(spans).toMatchObject([
      { service: "web", instance: "web-0", kind: "server", failed: false },
      { service: "api", kind: "client", failed: true, parent: { spanId: "eee19b7ec3c1b174" } },
    ]);
    expect(spans[0]?.durationUs).toBeCloseTo(5000.333, 6);
  });

  test("joins a batch consumer to the producer that it is linked to, through their queue", () => {
    const messaging = [text("messaging.system", "kafka"), text("messaging.destination.name", "mails")];
    const linked = {
      traceId: "aaaaa5a2d2c872e8321cf37308d69df2",
      links: [{ traceId: "5b8aa5a2d2c872e8321cf37308d69df2", spanId: "0000000000000002" }],
      attributes: messaging,
    };
    const producer = { parentSpanId: "0000000000000001", attributes: messaging };
    const { architecture } = calibrate(
      read({
        batches: [
          otlp("web", otlpSpan("0000000000000001", 2), otlpSpan("0000000000000002", 4, producer)),
          otlp("mailer", otlpSpan("0000000000000003", 5, linked)),
        ],
      }),
    );
    expect(architecture.links.map(({ from, to }) => `${from} ${to}`)).toEqual([
      "web kafka-mails",
      "kafka-mails mailer",
      "web-clients web",
    ]);
    expect(architecture.components.find(({ id }) => id === "kafka-mails")?.kind).toBe("queue");
  });

  test("tells databases, caches and external peers by the attributes of their callers", () => {
    const child = (spanId: string, ...attributes: object[]) =>
      otlpSpan(spanId, 3, { parentSpanId: "0000000000000001", attributes });
    const { components } = calibrate(
      read({
        resourceSpans: [
          otlp(
            "web",
            otlpSpan("0000000000000001", 2),
            child("0000000000000002", text("db.system.name", "postgresql"), text("server.address", "orders-db")),
            child("0000000000000003", text("db.system", "redis"), text("db.name", "0")),
            child("0000000000000004", text("url.full", "https://user@pay.example.com:443/x")),
          ),
        ],
      }),
    ).architecture;
    expect(components.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      "web service",
      "postgresql-orders-db database",
      "redis cache",
      "pay.example.com external",
      "web-clients client",
    ]);
  });

  test("refuses bad spans one by one and counts why", () => {
    const bad = [
      jaegerSpan("b", "p9"),
      jaegerSpan("c", "p1", { duration: -1 }),
      jaegerSpan("d", "p1", { startTime: "now" }),
      jaegerSpan("a", "p1"),
      { spanID: "e" },
      7,
    ];
    const collector = read(jaeger(jaegerSpan("a", "p1"), ...(bad as object[])));
    expect(collector.spans.length).toBe(1);
    expect(Object.fromEntries(collector.refused)).toEqual({
      "its process has no service name": 1,
      "it ends before it starts, or has no end": 1,
      "its start is no time": 1,
      "another span of its trace has the same id": 1,
      "it has no trace or span id": 1,
      "it is no object": 1,
    });
  });

  test("names the place where something is no trace", () => {
    expect(() => read({ data: [{ spans: [], processes: {} }, 5] })).toThrow(
      "traces.json: data[1] is a number, and no trace",
    );
    expect(() => read(null)).toThrow("traces.json is null");
  });

  test("leaves out spans that cause each other", () => {
    const spans = [jaegerSpan("a", "p1"), jaegerSpan("b", "p1", childOf("c")), jaegerSpan("c", "p1", childOf("b"))];
    expect(calibrate(read(jaeger(...spans))).evidence.refusedSpans).toEqual({ "its causes form a cycle": 2 });
  });

  test("survives any JSON at all, with a clear error or a model", () => {
    const key = fc.constantFrom(
      "spanID",
      "traceID",
      "references",
      "tags",
      "startTime",
      "duration",
      "processID",
      "__proto__",
    );
    const id = fc.constantFrom("a", "b", "c", "d");
    const value = fc.oneof(fc.jsonValue(), id, fc.constant("p1"), fc.double(), fc.constant(us));
    const reference = id.map((spanID) => [{ spanID }]);
    const span = fc.record({
      traceID: id,
      spanID: id,
      processID: fc.constantFrom("p1", "p2"),
      startTime: fc.constant(us),
      duration: fc.nat(9999),
      references: reference,
    });
    const hostile = fc
      .tuple(span, fc.dictionary(key, value, { maxKeys: 2 }))
      .map(([good, over]) => ({ ...good, ...over }));
    const file = fc.oneof(
      fc.jsonValue(),
      fc.array(hostile).map((spans) => jaeger(...spans)),
    );
    fc.assert(
      fc.property(file, (content) => {
        try {
          expect(calibrate(read(content)).architecture.workloads.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(CalibrationError);
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
