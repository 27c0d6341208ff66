import { systemClock } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import {
  type ConnectOptions,
  connect,
  createTicketSource,
  type RealtimeClient,
  type RealtimeError,
  type SubscribeRequest,
} from "@weft/realtime";
import { protobuf } from "@weft/realtime/protobuf";
import { decodeFrame, encodeFrame } from "@weft/simulator/frames";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryRateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { createMemoryPresenceStore } from "../src/ws/memory-presence-store.ts";
import { presenceTimes } from "../src/ws/presence-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/* What clients do on channels, each way that they can be connected, against the gateway itself. */

let gateway: GatewayHarness;
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  gateway = await startGateway({
    // A burst holds what comes in two seconds; time stands still there, so that no budget refills.
    env: { WEFT_WS_PUBLISHES_PER_USER: "2" },
    rateLimits: createMemoryRateLimitStore(() => 0),
    presence: createMemoryPresenceStore({
      nowMs: () => systemClock.monotonicMs(),
      announce: (subject) => void gateway.pubsub.publish(subject, ""),
      times: { ...presenceTimes, graceMs: 1, tellEveryMs: 1 },
    }),
    routes: (router) => {
      router.service(ProjectService, {
        getProject: ({ id }, { requestHeader }) => {
          const isAlice = requestHeader.get("authorization")?.startsWith("Bearer alice") === true;
          return { project: { id, role: isAlice ? "owner" : "viewer" } };
        },
      });
      router.service(SimulationService, { getSimulation: ({ id }) => ({ simulation: { id } }) });
    },
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.close();
  }
  await gateway.stop();
});

function open(user: string, options: ConnectOptions = {}): RealtimeClient {
  const client = connect(`${gateway.url}/ws`, { token: () => user, reconnectMaxMs: 200, ...options });
  clients.push(client);
  return client;
}

/** Subscribes, and waits until messages come. */
async function subscribed(
  client: RealtimeClient,
  channel: string,
  request: Partial<SubscribeRequest<unknown, unknown>>,
) {
  const told: unknown[] = [];
  const subscription = client.subscribe(channel, {
    onMessage: (message, { from }) => told.push(from === undefined ? message : { [from]: message }),
    ...request,
  });
  await until("it is subscribed", () => subscription.state.status === "subscribed");
  return { told, subscription };
}

/** A frame as the simulation service publishes it. */
function exampleFrame(): Uint8Array {
  const figures = { requestsPerSecond: 10, failuresPerSecond: 0, p50Ms: 0.1, p95Ms: 0.2, p99Ms: 0.3 };
  const total = { ...figures, goodputPerSecond: 1, goodputRatio: 1, inFlight: 1, completed: 5, failed: 0 };
  const components = ["a", "b"].map((id) => ({ id, ...figures, utilization: 0.5, queueLength: 0, inFlight: 0 }));
  const run = { simulatedMs: 1, durationMs: 2, speed: 1, load: 1, bottleneck: "b" };
  const stamp = { simulationId: "s", status: "RUNNING", composedAtMs: 5 } as const;
  return encodeFrame({ sequence: 5, ...run, total, components }, stamp);
}

const errorOf = (doing: Promise<unknown>) =>
  doing.then(
    () => undefined,
    (error: RealtimeError) => error,
  );

describe.each<[string, ConnectOptions]>([
  ["JSON", {}],
  ["protobuf", { format: protobuf }],
])("in %s", (_form, options) => {
  it("users see each other come and go", async () => {
    const presence = { options: { presence: true } };
    const ada = await subscribed(open("alice", options), "room:p", presence);
    await until("alice is there", () => ada.subscription.presence?.users === 1);
    const bob = open("bob", options);
    const { subscription } = await subscribed(bob, "room:p", presence);
    const both = ["user-alice", "user-bob"];
    const names = (of: typeof subscription) => [...(of.presence?.userIds ?? [])].sort();
    await until("each sees both", () =>
      [ada.subscription, subscription].every((each) => names(each).join() === both.join()),
    );
    bob.close();
    await until("bob is gone", () => ada.subscription.presence?.userIds?.join() === "user-alice");
  });

  it("users publish in a room, and are told when it is too much or not permitted", async () => {
    const alice = await subscribed(open("alice", options), "room:p", {});
    const bob = await subscribed(open("bob", options), "room:p", {});
    await alice.subscription.publish({ x: 1 }, { key: "cursor" });
    await until("bob hears it", () => bob.told.length === 1);
    expect(bob.told).toEqual([{ "user-alice": { x: 1 } }]);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => errorOf(alice.subscription.publish("again"))));
    const limited = outcomes.filter((each) => each !== undefined);
    // Of a burst of four the first was taken before.
    expect(limited.length).toBe(5);
    expect(limited[0]).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
    expect(await errorOf(bob.subscription.publish("no"))).toMatchObject({
      code: "permission_denied",
      reason: "READ_ONLY",
    });
  });

  it("frames of simulations come as the simulator has written them", async () => {
    const request = { options: { encoding: "binary" } as const };
    const { told } = await subscribed(open("alice", options), "simulation:s", request);
    const bytes = exampleFrame();
    await gateway.pubsub.publish("simulation:s", bytes);
    await until("it has come", () => told.length === 1);
    expect(told[0]).toBeInstanceOf(Uint8Array);
    expect(decodeFrame(told[0] as Uint8Array)).toEqual(decodeFrame(bytes));
  });
});

describe("a page with tickets", () => {
  const byTicket = (token: string): ConnectOptions => ({
    token: undefined,
    ticket: createTicketSource({ url: `${gateway.url}/api/realtime/tickets`, token: () => token }),
  });

  it("connects, and again when its connection is lost", async () => {
    const opened: WebSocket[] = [];
    class KeptWebSocket extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        opened.push(this);
      }
    }
    const client = open("", { ...byTicket("alice"), WebSocket: KeptWebSocket });
    const { told } = await subscribed(client, "project:p", {});
    opened[0]?.close();
    await gateway.channels.publish("project:p", "1");
    await until("it has come", () => told.length === 1);
    expect(opened.length).toBe(2);
    expect(client.state).toMatchObject({ status: "connected", userId: "user-alice" });
  });

  it("is not signed in any more when the login behind its tickets has ended", async () => {
    const client = open("", byTicket("alice"));
    await subscribed(client, "project:p", {});
    gateway.verifier.revoke("alice");
    await until("nobody is signed in", () => client.state.status === "unauthenticated");
    expect(client.state).toMatchObject({ error: { reason: "TOKEN_REVOKED" } });
  });
});

describe("where no WebSocket can be opened", () => {
  class BlockedWebSocket extends WebSocket {
    static isBlocked = true;
    constructor(url: string, protocols: string[]) {
      // A port that fetch and WebSockets refuse by themselves (WHATWG Fetch, 2.9).
      super(BlockedWebSocket.isBlocked ? "ws://127.0.0.1:1/" : url, protocols);
    }
  }
  const options: ConnectOptions = { WebSocket: BlockedWebSocket, webSocketAttempts: 1, retryWebSocketMs: 1 };

  beforeEach(() => {
    BlockedWebSocket.isBlocked = true;
  });

  it("events are streamed, of channels that come later too", async () => {
    const client = open("alice", options);
    const { told } = await subscribed(client, "project:p", {});
    expect(client.state).toMatchObject({ status: "connected", transport: "event_stream" });
    await gateway.channels.publish("project:p", "1");
    await until("it has come", () => told.includes(1));
    const other = await subscribed(client, "project:q", {});
    await gateway.channels.publish("project:p", "2");
    await gateway.channels.publish("project:q", "3");
    await until("both have come", () => told.includes(2) && other.told.includes(3));
    expect([told, other.told]).toEqual([[1, 2], [3]]);
  });

  it("a WebSocket goes on where the stream was", async () => {
    let logins = 1;
    const client = open("", { ...options, token: (purpose) => `alice.${purpose === "refused" ? ++logins : logins}` });
    const { told } = await subscribed(client, "project:p", {});
    await gateway.channels.publish("project:p", "1");
    await until("it has come", () => told.includes(1));
    BlockedWebSocket.isBlocked = false;
    gateway.verifier.revoke("alice.1");
    await gateway.channels.publish("project:p", "2");
    await until("it is back", () => told.includes(2));
    await gateway.channels.publish("project:p", "3");
    await until("it goes on", () => told.includes(3));
    expect(told).toEqual([1, 2, 3]);
    expect(client.state).toMatchObject({ status: "connected", transport: "websocket", userId: "user-alice" });
  });
});
