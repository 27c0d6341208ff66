import { AsyncLocalStorage } from "node:async_hooks";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { currentCall } from "../src/call-context.ts";
import { seededRandom } from "../src/random.ts";
import { randomTrace, spanIdOf, traceIdOf, traceToHeader } from "../src/trace-context.ts";
import { ensureTracing } from "../src/tracing.ts";
import { callers, failure, serve } from "./lane-fixture.ts";

/*
 * Traces across two hops, without an OpenTelemetry SDK and with one: here a small one, made by hand, so that nothing but the
 * API is needed.
 */

interface Ended {
  readonly name: string;
  readonly kind: SpanKind;
  readonly ids: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  failed: boolean;
}

const ended: Ended[] = [];
const random = seededRandom(7);

function startSpan(name: string, options: SpanOptions = {}, active: Context = context.active()): Span {
  const parent = trace.getSpanContext(active);
  const fresh = randomTrace(random);
  const span: Ended = {
    name,
    kind: options.kind ?? SpanKind.INTERNAL,
    ids: { traceId: parent?.traceId ?? traceIdOf(fresh), spanId: spanIdOf(fresh), traceFlags: 1 },
    parent,
    attributes: { ...options.attributes },
    failed: false,
  };
  const self = {
    spanContext: () => span.ids,
    setStatus: ({ code }: { code: SpanStatusCode }) => {
      span.failed = code === SpanStatusCode.ERROR;
      return self;
    },
    end: () => void ended.push(span),
    isRecording: () => true,
  } as unknown as Span;
  return self;
}

const tracer = { startSpan } as unknown as Tracer;

/** Two hops: the front's handler calls the back. */
async function twoHops() {
  const traces: string[] = [];
  const active: string[] = [];
  const note = (): void => {
    traces.push(traceToHeader(currentCall()?.trace as never));
    active.push(trace.getSpanContext(context.active())?.spanId ?? "none");
  };
  const behind = await serve((router) =>
    router.service(UserService, {
      getUserById: ({ userId }) => {
        note();
        if (userId === "bad") {
          throw new ConnectError("no", Code.NotFound);
        }
        return { userId };
      },
    }),
  );
  const inner = await callers([behind.port]);
  const front = await serve((router) =>
    router.service(UserService, {
      getUserById: async ({ userId }) => {
        note();
        const user = await inner.users.getUserById({ userId });
        active.push(trace.getSpanContext(context.active())?.spanId ?? "none");
        return user;
      },
    }),
  );
  return { ...(await callers([front.port])), traces, active };
}

const traceOf = (header: string): string => header.slice(3, 35);
const spanOf = (header: string): string => header.slice(36, 52);

beforeAll(() => ensureTracing());

beforeEach(() => {
  ended.length = 0;
});

describe("without an SDK", () => {
  it("ids cross both hops, and the active context is the call's own", async () => {
    const { users, traces, active } = await twoHops();
    await users.getUserById({ userId: "u" });
    const [front, back] = traces as [string, string];
    expect(traceOf(back)).toBe(traceOf(front));
    expect(spanOf(back)).not.toBe(spanOf(front));
    expect(active).toEqual([spanOf(front), spanOf(back), spanOf(front)]);
    expect(ended).toEqual([]);
  });

  it("a call belongs to the trace of a context that was entered by hand", async () => {
    const { users, traces } = await twoHops();
    const ids = { traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceFlags: 1 };
    await context.with(trace.setSpanContext(ROOT_CONTEXT, ids), () => users.getUserById({ userId: "u" }));
    expect(traces.map(traceOf)).toEqual([ids.traceId, ids.traceId]);
    expect(traces[0]?.endsWith("-01")).toBe(true);
  });
});

describe("with an SDK", () => {
  beforeAll(() => {
    trace.setGlobalTracerProvider({ getTracer: () => tracer });
  });

  afterAll(() => {
    trace.disable();
  });

  it("each call is a client's and a server's span, one the parent of the next", async () => {
    const { users, traces, active } = await twoHops();
    await users.getUserById({ userId: "u" });
    const [serverBack, clientBack, serverFront, clientFront] = ended as [Ended, Ended, Ended, Ended];
    expect(ended.map(({ kind }) => kind)).toEqual([SpanKind.SERVER, SpanKind.CLIENT, SpanKind.SERVER, SpanKind.CLIENT]);
    expect(new Set(ended.map(({ ids }) => ids.traceId)).size).toBe(1);
    expect(clientFront.parent).toBeUndefined();
    for (const [child, parent] of [
      [serverFront, clientFront],
      [clientBack, serverFront],
      [serverBack, clientBack],
    ] as const) {
      expect(child.parent?.spanId).toBe(parent.ids.spanId);
    }
    expect(traces.map(spanOf)).toEqual([clientFront.ids.spanId, clientBack.ids.spanId]);
    expect(active).toEqual([serverFront.ids.spanId, serverBack.ids.spanId, serverFront.ids.spanId]);
    expect(clientFront.attributes).toMatchObject({ "rpc.system": "grpc", "peer.service": "user-service" });
    expect(ended.some(({ failed }) => failed)).toBe(false);
  });

  it("spans of a call that fails say so", async () => {
    const { users } = await twoHops();
    expect((await failure(users.getUserById({ userId: "bad" }))).code).toBe(Code.NotFound);
    expect(ended.map(({ failed }) => failed)).toEqual([true, true, true, true]);
  });

  it("a call that cannot even be made rejects, and leaves no rejection that nobody sees", async () => {
    const { users } = await twoHops();
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    const bad = users.getUserById({ userId: "u" }, { headers: { "no header": "x" } });
    expect(await failure(bad)).toBeInstanceOf(ConnectError);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it("deadline, cancellation and correlation are those that they are without one", async () => {
    const { users } = await twoHops();
    const leaving = new AbortController();
    const pending = failure(users.getUserById({ userId: "u" }, { signal: leaving.signal }));
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    let header = new Headers();
    await users.getUserById(
      { userId: "u" },
      { headers: { "x-correlation-id": "c-1" }, onHeader: (got) => (header = got) },
    );
    expect(header).toBeInstanceOf(Headers);
    const storage = new AsyncLocalStorage<string>();
    expect(
      await storage.run("mine", async () => (await users.getUserById({ userId: "u" })) && storage.getStore()),
    ).toBe("mine");
  });
});
