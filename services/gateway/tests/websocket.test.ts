import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { FrameSchema } from "@weft/proto/weft/simulation/v1/simulation_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { decodeFrame, encodeFrame, selectComponents } from "@weft/simulator/frames";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { openSocket, refusedUpgrade, type TestSocket } from "./test-socket.ts";

let harness: GatewayHarness;
/** Who may read simulations and projects, by id; "s" and "p" are alice's. */
let readers: Map<string, string>;
let simulationsAreDown: boolean;
/** What reading a project waits for. */
let held: Promise<void> | undefined;
const sockets: TestSocket[] = [];
/** The form in which clients speak. */
let protocol: string;

const environment = {
  WEFT_WS_CONNECT_TIMEOUT: "60s",
  WEFT_WS_CHANNELS_PER_CONNECTION: "3",
  WEFT_WS_CONNECTIONS_PER_USER: "2",
  WEFT_WS_CONNECTIONS: "4",
  WEFT_WS_FRAMES_PER_SECOND: "20",
  WEFT_WS_FRAME_MAX_BYTES: "4096",
  WEFT_WS_RECHECK_INTERVAL: "50ms",
  WEFT_WS_BACKPRESSURE_SOFT_BYTES: "65536",
  WEFT_WS_BACKPRESSURE_HARD_BYTES: "1048576",
};

function mayRead(id: string, headers: Headers): void {
  if (simulationsAreDown) {
    throw serviceError(Code.Unavailable, "BUSY", "try later");
  }
  const reader = readers.get(id);
  if (headers.get("authorization")?.startsWith(`Bearer ${reader}`) !== true) {
    throw serviceError(Code.NotFound, "NOT_FOUND", `${id} is not there`);
  }
}

beforeEach(async () => {
  readers = new Map([
    ["s", "alice"],
    ["p", "alice"],
  ]);
  simulationsAreDown = false;
  protocol = "weft.v1";
  held = undefined;
  harness = await startHarness();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await harness.stop();
});

function startHarness(env: Readonly<Record<string, string>> = {}): Promise<GatewayHarness> {
  return startGateway({
    env: { ...environment, ...env },
    routes: (router) => {
      router.service(SimulationService, {
        getSimulation: ({ id }, { requestHeader }) => {
          mayRead(id, requestHeader);
          return { simulation: { id } };
        },
      });
      router.service(ProjectService, {
        getProject: async ({ id }, { requestHeader }) => {
          await held;
          mayRead(id, requestHeader);
          return { project: { id } };
        },
      });
    },
  });
}

async function open(token?: string, origin?: string): Promise<TestSocket> {
  const socket = await openSocket(harness.port, { protocol, ...(token && { token }), ...(origin && { origin }) });
  sockets.push(socket);
  return socket;
}

async function subscribed(channel: string, options: object = {}, token = "alice"): Promise<TestSocket> {
  const socket = await open(token);
  socket.send({ id: 1, subscribe: { channel, ...options } });
  expect(await socket.next()).toMatchObject({ id: 1, subscribed: { channel } });
  return socket;
}

/** A frame as the simulation service publishes it. */
function exampleFrame(sequence: number): Buffer {
  const figures = { requestsPerSecond: 10, failuresPerSecond: 0, p50Ms: 0.1, p95Ms: 0.2, p99Ms: 0.3 };
  const total = { ...figures, goodputPerSecond: 1, goodputRatio: 1, inFlight: 1, completed: 5, failed: 0 };
  const components = ["a", "b"].map((id) => ({ id, ...figures, utilization: 0.5, queueLength: 0, inFlight: 0 }));
  const run = { simulatedMs: 1, durationMs: 2, speed: 1, load: 1, bottleneck: "b" };
  const stamp = { simulationId: "s", status: "RUNNING", composedAtMs: 5 } as const;
  return Buffer.from(encodeFrame({ sequence, ...run, total, components }, stamp));
}

/** What is said must not hang on the form in which it is said. */
function inBothForms(name: string, tests: () => void): void {
  describe.each(["weft.v1", "weft.v1.proto"])(`${name} (%s)`, (form) => {
    beforeEach(() => {
      protocol = form;
    });
    tests();
  });
}

describe("the upgrade", () => {
  it.each([
    ["another subprotocol", { protocol: "weft.v2" }, 400],
    ["no subprotocol", { protocol: undefined }, 400],
    ["a page of another origin", { origin: "https://evil.example" }, 403],
    ["a bad token", { token: "nonsense" }, 401],
  ])("is refused with %s", async (_, options, status) => {
    const refusal = await refusedUpgrade(harness.port, options);
    expect(refusal.status).toBe(status);
    expect(refusal.body).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    expect(refusal.headers["x-content-type-options"]).toBe("nosniff");
  });

  it.each(["https://evil.example", "null", "http://localhost:8080.evil.example", "https://localhost:8080", "file://"])(
    "ASVS 4.4.2: is refused to pages of an origin that is not listed, whatever they know: %s",
    async (origin) => {
      expect((await refusedUpgrade(harness.port, { origin })).status).toBe(403);
      expect((await refusedUpgrade(harness.port, { origin, token: "alice" })).status).toBe(403);
    },
  );

  it("is accepted from a listed origin, and from clients that name none", async () => {
    const socket = await open("alice", "http://localhost:8080");
    expect(socket.protocol).toBe("weft.v1");
    await open("bob");
  });

  it("is refused when a user or the process has too many connections, until some end", async () => {
    const first = await open("alice");
    await open("alice");
    expect((await refusedUpgrade(harness.port, { token: "alice" })).status).toBe(429);
    await open("bob");
    await open("bob");
    const full = await refusedUpgrade(harness.port, {});
    expect(full.status).toBe(503);
    expect(full.headers["retry-after"]).toBe("1");
    first.destroy();
    await until("the place is free", () => harness.metrics.value("weft_gateway_ws_connections") === 3);
    await open("alice");
  });
});

inBothForms("connecting", () => {
  it("by the first frame names the user and the end of the token; frames behind it wait", async () => {
    const socket = await open();
    socket.send({ id: 1, connect: { token: "alice" } });
    socket.send({ id: 2, subscribe: { channel: "simulation:s" } });
    expect(await socket.next()).toEqual({
      id: 1,
      connected: {
        userId: "user-alice",
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
        limits: { channels: 3, frameBytes: 4096, framesPerSecond: 20 },
      },
    });
    expect(await socket.next()).toEqual({ id: 2, subscribed: { channel: "simulation:s" } });
  });

  it("has to happen in time", async () => {
    await harness.stop();
    harness = await startHarness({ WEFT_WS_CONNECT_TIMEOUT: "50ms" });
    const socket = await open();
    expect(await socket.closed()).toEqual({ code: 4401, reason: "connect_timeout" });
  });

  it("has to happen first, though pings are answered", async () => {
    const socket = await open();
    socket.send({ id: 7, subscribe: { channel: "simulation:s" } });
    expect(await socket.next()).toMatchObject({ id: 7, error: { code: "unauthenticated", reason: "CONNECT_FIRST" } });
    socket.send({ id: 8, refresh: { token: "alice" } });
    expect(await socket.next()).toMatchObject({ id: 8, error: { code: "unauthenticated" } });
    socket.send({ id: 9, ping: {} });
    expect(await socket.next()).toEqual({ id: 9, pong: {} });
  });

  it("with a bad token is answered and ends the connection", async () => {
    const socket = await open();
    socket.send({ id: 1, connect: { token: "nonsense" } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code: "unauthenticated", reason: "TOKEN_INVALID" } });
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_invalid" });
  });

  it("by frame counts against the user's connections", async () => {
    await open("alice");
    await open("alice.2");
    const socket = await open();
    socket.send({ id: 1, connect: { token: "alice" } });
    expect(await socket.closed()).toEqual({ code: 4429, reason: "too_many_connections" });
  });
});

const invalidCommand = { command: "invalid", outcome: "invalid_argument" };

describe("frames", () => {
  it.each(["", "{", '{"id":1}', '{"id":1,"publish":{}}', '{"id":1,"subscribe":{"channel":"auth:revocations"}}'])(
    "such as %j are answered with invalid_argument",
    async (frame) => {
      const socket = await open("alice");
      socket.sendText(frame);
      expect(await socket.next()).toMatchObject({ error: { code: "invalid_argument", message: expect.any(String) } });
      socket.send({ id: 2, ping: {} });
      expect(await socket.next()).toEqual({ id: 2, pong: {} });
    },
  );

  it("that are no ClientFrame are answered with invalid_argument in protobuf", async () => {
    protocol = "weft.v1.proto";
    const socket = await open("alice");
    expect(socket.protocol).toBe("weft.v1.proto");
    for (const bytes of [Buffer.alloc(20, 0xff), Buffer.alloc(0), Buffer.from('{"id":1,"ping":{}}')]) {
      socket.sendBinary(bytes);
      expect(await socket.next()).toMatchObject({ error: { code: "invalid_argument", message: expect.any(String) } });
    }
    socket.send({ id: 2, ping: {} });
    expect(await socket.next()).toEqual({ id: 2, pong: {} });
    expect(harness.metrics.value("weft_gateway_ws_commands_total", invalidCommand)).toBe(3);
  });

  it("that are of the other form, too long or too many end the connection, with the reason", async () => {
    const binary = await open("alice");
    binary.sendBinary(Buffer.from("{}"));
    expect(await binary.closed()).toEqual({ code: 1003, reason: "binary_frame" });
    protocol = "weft.v1.proto";
    const text = await open("alice");
    text.sendText("{}");
    expect(await text.closed()).toEqual({ code: 1003, reason: "text_frame" });
    protocol = "weft.v1";
    const long = await open("alice");
    long.sendText(JSON.stringify({ id: 1, connect: { token: "x".repeat(5000) } }));
    expect(await long.closed()).toEqual({ code: 1009, reason: "frame_too_large" });
    const many = await open("alice");
    // More than a machine could take seconds over without spending the budget.
    for (let id = 0; id < 300; id += 1) {
      many.send({ id, ping: {} });
    }
    expect(await many.closed()).toEqual({ code: 4429, reason: "rate_limited" });
    expect(harness.metrics.value("weft_gateway_ws_closes_total", { reason: "rate_limited" })).toBe(1);
  });
});

inBothForms("subscribing", () => {
  it.each([
    ["simulation:other", "not_found"],
    ["traces:other", "not_found"],
    ["project:other", "not_found"],
    ["notifications:user-bob", "permission_denied"],
  ])("to %s, which is not theirs, is refused", async (channel, code) => {
    const socket = await open("alice");
    socket.send({ id: 1, subscribe: { channel } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code } });
    expect(harness.pubsub.patterns).toEqual([]);
  });

  it("to three channels is the most that is allowed here", async () => {
    readers.set("a", "alice").set("b", "alice");
    const socket = await subscribed("simulation:s");
    for (const [id, channel] of [
      [2, "project:p"],
      [3, "notifications:user-alice"],
    ]) {
      socket.send({ id, subscribe: { channel } });
      expect(await socket.next()).toMatchObject({ id, subscribed: { channel } });
    }
    socket.send({ id: 4, subscribe: { channel: "simulation:a" } });
    expect(await socket.next()).toMatchObject({ id: 4, error: { code: "resource_exhausted" } });
    socket.send({ id: 5, unsubscribe: { channel: "project:p" } });
    expect(await socket.next()).toEqual({ id: 5, unsubscribed: { channel: "project:p" } });
    socket.send({ id: 6, subscribe: { channel: "simulation:a" } });
    expect(await socket.next()).toEqual({ id: 6, subscribed: { channel: "simulation:a" } });
  });

  it("is refused as unavailable while the service behind is down, and works later", async () => {
    harness.instances.set("simulation-service", 0);
    const socket = await open("alice");
    socket.send({ id: 1, subscribe: { channel: "simulation:s" } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code: "unavailable" } });
    harness.instances.set("simulation-service", 1);
    socket.send({ id: 2, subscribe: { channel: "simulation:s" } });
    expect(await socket.next()).toEqual({ id: 2, subscribed: { channel: "simulation:s" } });
  });

  it("makes the broker send one pattern per kind, only while somebody listens", async () => {
    const first = await subscribed("simulation:s");
    const second = await subscribed("simulation:s");
    expect(harness.pubsub.patterns).toEqual(["simulation:*"]);
    first.destroy();
    second.send({ id: 2, unsubscribe: { channel: "simulation:s" } });
    await second.next();
    await until("nobody listens", () => harness.pubsub.patterns.length === 0);
    expect(harness.metrics.value("weft_gateway_ws_subscriptions")).toBe(0);
  });
});

inBothForms("live messages", () => {
  it("reach the subscribers of their channel, and nobody else", async () => {
    readers.set("b", "bob");
    const alice = await subscribed("simulation:s");
    const bob = await subscribed("simulation:b", {}, "bob");
    await harness.pubsub.publish("simulation:s", '{"sequence":1}');
    await harness.pubsub.publish("simulation:b", '{"sequence":2}');
    expect(await alice.next()).toEqual({ push: { channel: "simulation:s", data: { sequence: 1 } } });
    expect(await bob.next()).toEqual({ push: { channel: "simulation:b", data: { sequence: 2 } } });
  });

  it("hold the components that a subscriber asked for", async () => {
    const some = await subscribed("simulation:s", { components: ["b"] });
    const all = await subscribed("simulation:s");
    const data = { sequence: 1, total: {}, components: [{ id: "a" }, { id: "b" }] };
    await harness.pubsub.publish("simulation:s", JSON.stringify(data));
    expect(await some.next()).toEqual({
      push: { channel: "simulation:s", data: { ...data, components: [{ id: "b" }] } },
    });
    expect(await all.next()).toEqual({ push: { channel: "simulation:s", data } });
  });

  it("of a simulation come in the form and the detail that each subscriber asked for", async () => {
    const first = await subscribed("simulation:s", { encoding: "binary" });
    const second = await subscribed("simulation:s", { encoding: "binary", detail: ["b"], everyMs: 20 });
    const bytes = exampleFrame(7);
    await harness.pubsub.publish("simulation:s", bytes);
    expect(Buffer.compare((await first.next()) as Buffer, bytes)).toBe(0);
    expect(decodeFrame((await second.next()) as Buffer)).toEqual(selectComponents(decodeFrame(bytes), ["b"]));
    second.send({ id: 2, subscribe: { channel: "simulation:s", detail: "overview" } });
    expect(await second.next()).toEqual({ id: 2, subscribed: { channel: "simulation:s" } });
    await harness.pubsub.publish("simulation:s", exampleFrame(8));
    expect(decodeFrame((await first.next()) as Buffer).frame.sequence).toBe(8);
    const { push } = (await second.next()) as { push: { channel: string; data: JsonObject } };
    expect(push.channel).toBe("simulation:s");
    // Unknown fields are refused here, so this is the published contract and nothing beside it.
    expect(fromJson(FrameSchema, push.data)).toMatchObject({
      simulationId: "s",
      sequence: 8,
      status: "RUNNING",
      total: { p99Ms: 0.3 },
      components: [],
      bottleneck: "b",
    });
  });

  it("that begin like a frame and are none are counted and passed to nobody", async () => {
    const socket = await subscribed("simulation:s", { encoding: "binary" });
    await harness.pubsub.publish("simulation:s", exampleFrame(1).subarray(0, -1));
    await harness.pubsub.publish("simulation:s", exampleFrame(2));
    expect(decodeFrame((await socket.next()) as Buffer).frame.sequence).toBe(2);
    expect(harness.metrics.value("weft_gateway_ws_invalid_payloads_total")).toBe(1);
  });

  it("that are no JSON are counted and passed to nobody", async () => {
    const socket = await subscribed("project:p");
    await harness.pubsub.publish("project:p", '{"half":');
    await harness.pubsub.publish("project:p", '{"whole":true}');
    expect(await socket.next()).toEqual({ push: { channel: "project:p", data: { whole: true } } });
    expect(harness.metrics.value("weft_gateway_ws_invalid_payloads_total")).toBe(1);
  });

  it("go on after a gap, which is announced", async () => {
    const socket = await subscribed("simulation:s");
    harness.pubsub.gap();
    await harness.pubsub.publish("simulation:s", '{"sequence":9}');
    expect(await socket.next()).toEqual({ notice: { code: "gap", channel: "simulation:s" } });
    expect(await socket.next()).toEqual({ push: { channel: "simulation:s", data: { sequence: 9 } } });
  });

  it("of a simulation skip a slow reader to the newest, and say how many it missed", async () => {
    const socket = await subscribed("simulation:s");
    socket.pause();
    let sent = 0;
    await until("the reader is behind", async () => {
      sent += 1;
      await harness.pubsub.publish("simulation:s", JSON.stringify({ sequence: sent, padding: "x".repeat(60_000) }));
      return harness.metrics.value("weft_gateway_ws_skipped_total") >= 3;
    });
    socket.resume();
    let sequence = 0;
    let skipped = 0;
    while (sequence < sent) {
      const { push } = (await socket.next()) as { push: { data: { sequence: number }; skipped?: number } };
      expect(push.data.sequence).toBe(sequence + (push.skipped ?? 0) + 1);
      sequence = push.data.sequence;
      skipped += push.skipped ?? 0;
    }
    expect(skipped).toBe(harness.metrics.value("weft_gateway_ws_skipped_total"));
  });

  it("of other channels wait for a slow reader until it is too far behind", async () => {
    const socket = await subscribed("project:p");
    socket.pause();
    await until("the gateway has given up", async () => {
      await harness.pubsub.publish("project:p", JSON.stringify({ padding: "x".repeat(200_000) }));
      return harness.metrics.value("weft_gateway_ws_closes_total", { reason: "slow_consumer" }) === 1;
    });
    socket.resume();
    expect(await socket.closed()).toEqual({ code: 1013, reason: "slow_consumer" });
  });
});

inBothForms("a recoverable channel", () => {
  const change = (version: number) => harness.channels.publish("project:p", JSON.stringify({ version }));

  it("says where it is, numbers its pushes, and gives who comes back what they have missed", async () => {
    const { epoch } = await change(1);
    const socket = await open("alice");
    socket.send({ id: 1, subscribe: { channel: "project:p", recover: null } });
    const position = { channel: "project:p", recoverable: true, epoch };
    expect(await socket.next()).toEqual({ id: 1, subscribed: { ...position, offset: 1, recovered: false } });
    await change(2);
    expect(await socket.next()).toEqual({ push: { channel: "project:p", data: { version: 2 }, offset: 2 } });
    socket.destroy();
    await change(3);
    await change(4);
    const again = await open("alice");
    again.send({ id: 1, subscribe: { channel: "project:p", recover: { epoch, offset: 2 } } });
    const publications = [3, 4].map((offset) => ({ offset, data: { version: offset } }));
    expect(await again.next()).toEqual({
      id: 1,
      subscribed: { ...position, offset: 4, recovered: true, publications },
    });
    await change(5);
    expect(await again.next()).toEqual({ push: { channel: "project:p", data: { version: 5 }, offset: 5 } });
  });

  it("ends with insufficient_state for who keeps positions when its log is lost, and says gap to others", async () => {
    const old = await subscribed("project:p");
    const socket = await open("alice");
    socket.send({ id: 1, subscribe: { channel: "project:p", recover: null } });
    await socket.next();
    harness.channels.forget();
    harness.pubsub.gap();
    expect(await socket.next()).toMatchObject({
      notice: { code: "subscription_ended", channel: "project:p", reason: "insufficient_state" },
    });
    const { epoch } = await change(1);
    expect(await old.next()).toEqual({ notice: { code: "gap", channel: "project:p", epoch, offset: 0 } });
    expect(await old.next()).toEqual({ push: { channel: "project:p", data: { version: 1 }, offset: 1 } });
    socket.send({ id: 2, ping: {} });
    expect(await socket.next()).toEqual({ id: 2, pong: {} });
  });
});

inBothForms("a connection's rights", () => {
  it("end with its login", async () => {
    const socket = await open("alice.1");
    const other = await open("alice.2");
    harness.verifier.revoke("alice.1");
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_revoked" });
    other.send({ id: 1, ping: {} });
    expect(await other.next()).toEqual({ id: 1, pong: {} });
  });

  it("end with its login even when the news was lost", async () => {
    const socket = await open("alice");
    harness.verifier.revoke("alice", { quietly: true });
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_revoked" });
  });

  it("end with its token, of which it is warned", async () => {
    harness.verifier.lifetimeMs = 150;
    const socket = await open("alice");
    expect(await socket.next()).toEqual({ notice: { code: "token_expiring", expiresAt: expect.any(String) } });
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_expired" });
  });

  it("go on with a new token, of the same user", async () => {
    harness.verifier.lifetimeMs = 30_000;
    const socket = await open("alice");
    expect(await socket.next()).toMatchObject({ notice: { code: "token_expiring" } });
    socket.send({ id: 1, refresh: { token: "bob" } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code: "permission_denied" } });
    harness.verifier.lifetimeMs = 3_600_000;
    socket.send({ id: 2, refresh: { token: "alice.2" } });
    expect(await socket.next()).toEqual({
      id: 2,
      refreshed: { userId: "user-alice", expiresAt: expect.any(String) },
    });
    harness.verifier.revoke("alice");
    socket.send({ id: 3, ping: {} });
    expect(await socket.next()).toEqual({ id: 3, pong: {} });
    harness.verifier.revoke("alice.2");
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_revoked" });
  });

  it("ASVS 8.3.2: to a channel end when the thing behind it may no longer be read", async () => {
    const socket = await subscribed("simulation:s");
    readers.set("s", "bob");
    expect(await socket.next()).toEqual({
      notice: { code: "subscription_ended", channel: "simulation:s", reason: "not_found", message: "s is not there" },
    });
    await harness.pubsub.publish("simulation:s", "{}");
    socket.send({ id: 2, ping: {} });
    expect(await socket.next()).toEqual({ id: 2, pong: {} });
  });

  it("to a channel outlast a restart of the service behind", async () => {
    const socket = await subscribed("simulation:s");
    const before = harness.calls.length;
    simulationsAreDown = true;
    await until("it has been asked in vain", () => harness.calls.length >= before + 2);
    simulationsAreDown = false;
    await harness.pubsub.publish("simulation:s", '{"sequence":1}');
    expect(await socket.next()).toMatchObject({ push: { channel: "simulation:s" } });
  });
});

inBothForms("a drain", () => {
  it("says so, closes, and lets nobody in", async () => {
    const socket = await open("alice");
    await harness.gateway.stopAccepting();
    expect(await socket.next()).toEqual({ notice: { code: "draining", reconnectAfterMs: expect.any(Number) } });
    expect(await socket.closed()).toEqual({ code: 1012, reason: "draining" });
    await expect(fetch(`${harness.url}/healthz`)).rejects.toThrow();
  });

  it("lets requests in flight finish first", async () => {
    const gate = Promise.withResolvers<void>();
    held = gate.promise;
    const socket = await open("alice");
    const response = fetch(`${harness.url}/api/projects/p`, { headers: { authorization: "Bearer alice" } });
    await until("the call is in flight", () => harness.calls.length > 0);
    const drained = harness.gateway.stopAccepting();
    socket.send({ id: 1, ping: {} });
    expect(await socket.next()).toEqual({ id: 1, pong: {} });
    gate.resolve();
    expect((await response).status).toBe(200);
    await drained;
    expect(await socket.next()).toEqual({ notice: { code: "draining", reconnectAfterMs: expect.any(Number) } });
  });
});
