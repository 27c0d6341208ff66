import { systemClock, systemRandom } from "@weft/mesh";
import { createMemoryChannelLog, until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { type ConnectOptions, connect, type RealtimeClient, type TokenPurpose } from "@weft/realtime";
import { protobuf } from "@weft/realtime/protobuf";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { ScriptedPubSub } from "./scripted-pubsub.ts";

/*
 * The client that others are given, against the gateway itself: what one of them understands otherwise than the other shows
 * here and nowhere else.
 */

const channel = "project:p";
const routes: Parameters<typeof startGateway>[0]["routes"] = (router) =>
  router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) });

let live: { readonly pubsub: ScriptedPubSub; readonly channels: ReturnType<typeof createMemoryChannelLog> };
let gateway: GatewayHarness;
/** Of the gateway to connect to now, as a balancer in front of several would decide. */
let port: number;
let client: RealtimeClient;
let told: unknown[];
let purposes: string[];

beforeEach(() => {
  const pubsub = new ScriptedPubSub();
  live = { pubsub, channels: createMemoryChannelLog({ pubsub, clock: systemClock, random: systemRandom }) };
  told = [];
  purposes = [];
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

class BalancedWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url.replace("gateway.test", `127.0.0.1:${port}`), protocols);
  }
}

async function open(env: Readonly<Record<string, string>> = {}): Promise<GatewayHarness> {
  const opened = await startGateway({ routes, live, env });
  port = opened.port;
  return opened;
}

function listen(token: (purpose: TokenPurpose) => string = () => "alice", options: ConnectOptions = {}): void {
  client = connect("ws://gateway.test/ws", {
    WebSocket: BalancedWebSocket,
    ...options,
    token: (purpose) => {
      purposes.push(purpose);
      return token(purpose);
    },
    reconnectMaxMs: 200,
  });
  client.subscribe(channel, {
    onMessage: (message) => told.push(message),
    onState: (state) => told.push(state.status === "subscribed" ? { recovered: state.recovered } : state.status),
  });
}

const publish = (message: unknown) => live.channels.publish(channel, JSON.stringify(message));
const isTold = (what: unknown) => until("it is told", () => told.some((each) => Object.is(each, what)));
const isSubscribed = (times: number) =>
  until("it is subscribed", () => told.filter((each) => typeof each === "object").length === times);

it.each([
  ["JSON", {}],
  ["protobuf", { format: protobuf }],
])("goes on without a loss when its gateway is replaced (%s)", async (_form, options) => {
  const doomed = await open();
  gateway = doomed;
  listen(() => "alice", options);
  await isSubscribed(1);
  await publish(1);
  await isTold(1);
  gateway = await open();
  await doomed.stop();
  await publish(2);
  await isSubscribed(2);
  await publish(3);
  await isTold(3);
  expect(told).toEqual([{ recovered: false }, 1, "subscribing", { recovered: true }, 2, 3]);
});

it("replaces a token before it ends, and one that was revoked, without a loss", async () => {
  // A notice longer before the end than tokens live comes at once.
  gateway = await open({ WEFT_WS_EXPIRY_NOTICE: "3600s" });
  gateway.verifier.lifetimeMs = 1_000_000;
  let logins = 1;
  listen((purpose) => {
    if (purpose !== "connect") {
      gateway.verifier.lifetimeMs = 10_000_000;
    }
    logins += purpose === "refused" ? 1 : 0;
    return `alice.${logins}`;
  });
  await isSubscribed(1);
  await until("it is told of the end", () => purposes.includes("expiring"));
  gateway.verifier.revoke("alice.1");
  await publish(1);
  await isSubscribed(2);
  await isTold(1);
  expect(told).toContainEqual({ recovered: true });
  expect(told.filter((each) => each === 1)).toEqual([1]);
  expect(purposes.at(-1)).toBe("refused");
});

it("is told of a channel that it may not read", async () => {
  gateway = await open();
  listen();
  const ended = Promise.withResolvers<unknown>();
  client.subscribe("notifications:user-bob", {
    onMessage: () => undefined,
    onState: (state) => state.status === "ended" && ended.resolve(state.error),
  });
  expect(await ended.promise).toMatchObject({ name: "RealtimeError", code: "permission_denied" });
});
