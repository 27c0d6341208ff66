import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryRateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { ScriptedPubSub } from "./scripted-pubsub.ts";
import { openSocket, type TestSocket } from "./test-socket.ts";

/* Rooms: what clients publish to each other, through two gateways on one broker. */

const channel = "room:p";
const environment = { WEFT_WS_PUBLISHES_PER_USER: "2", WEFT_WS_PUBLISHES_PER_CHANNEL: "3" };

/** The role of each user in project "p". */
let roles: Map<string, string>;
let pubsub: ScriptedPubSub;
let one: GatewayHarness;
let other: GatewayHarness;
const sockets: TestSocket[] = [];

async function start(): Promise<GatewayHarness> {
  return await startGateway({
    env: environment,
    // Its time stands still, so that no budget refills.
    rateLimits: createMemoryRateLimitStore(() => 0),
    live: { pubsub, channels: undefined as never },
    routes: (router) =>
      router.service(ProjectService, {
        getProject: ({ id }, { requestHeader }) => {
          const user = requestHeader.get("authorization")?.replace(/^Bearer /, "") ?? "";
          const role = roles.get(user);
          if (role === undefined || id !== "p") {
            throw serviceError(Code.NotFound, "NOT_FOUND", `${id} is not there`);
          }
          return { project: { id, role } };
        },
      }),
  });
}

beforeEach(async () => {
  roles = new Map([
    ["alice", "owner"],
    ["bob", "editor"],
  ]);
  pubsub = new ScriptedPubSub();
  [one, other] = await Promise.all([start(), start()]);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await Promise.all([one.stop(), other.stop()]);
});

async function entered(gateway: GatewayHarness, token: string, protocol = "weft.v1"): Promise<TestSocket> {
  const socket = await openSocket(gateway.port, { token, protocol });
  sockets.push(socket);
  socket.send({ id: 1, subscribe: { channel } });
  expect(await socket.next()).toEqual({ id: 1, subscribed: { channel } });
  return socket;
}

const outcomes = (outcome: string) =>
  one.metrics.value("weft_gateway_ws_publications_total", { kind: "room", outcome });

describe.each(["weft.v1", "weft.v1.proto"])("a room (%s)", (form) => {
  it("carries what a member publishes to the others on every gateway, with their name", async () => {
    const alice = await entered(one, "alice", form);
    const bob = await entered(other, "bob");
    const data = { x: 1.5, text: "é", __proto__: null, from: "user-mallory" };
    alice.send({ id: 2, publish: { channel, data, key: "cursor" } });
    expect(await bob.next()).toEqual({
      push: { channel, data: { x: 1.5, text: "é", from: "user-mallory" }, from: "user-alice", key: "cursor" },
    });
    const told = [await alice.next(), await alice.next()];
    expect(told).toContainEqual({ id: 2, published: {} });
    expect(told).toContainEqual({
      push: { channel, data: { x: 1.5, text: "é", from: "user-mallory" }, from: "user-alice", key: "cursor" },
    });
    bob.send({ id: 2, publish: { channel, data: null } });
    expect(await alice.next()).toEqual({ push: { channel, data: null, from: "user-bob" } });
    expect(outcomes("published")).toBe(1);
  });

  it("takes nothing of who only reads, of who has not entered, and of who may not enter", async () => {
    roles.set("bob", "viewer");
    const viewer = await entered(one, "bob", form);
    viewer.send({ id: 2, publish: { channel, data: 1 } });
    expect(await viewer.next()).toMatchObject({ id: 2, error: { code: "permission_denied", reason: "READ_ONLY" } });
    const outside = await openSocket(one.port, { token: "alice", protocol: form });
    sockets.push(outside);
    outside.send({ id: 1, publish: { channel, data: 1 } });
    expect(await outside.next()).toMatchObject({
      id: 1,
      error: { code: "failed_precondition", reason: "NOT_SUBSCRIBED" },
    });
    roles.delete("alice");
    outside.send({ id: 2, subscribe: { channel } });
    expect(await outside.next()).toMatchObject({ id: 2, error: { code: "not_found" } });
  });

  it("refuses more than a user may say, and says when to go on", async () => {
    const alice = await entered(one, "alice", form);
    const frames: unknown[] = [];
    for (let id = 2; id < 8; id += 1) {
      alice.send({ id, publish: { channel, data: id } });
    }
    while (frames.length < 10) {
      frames.push(await alice.next());
    }
    const refused = frames.filter((frame) => "error" in (frame as object));
    expect(refused).toHaveLength(2);
    for (const frame of refused) {
      expect(frame).toMatchObject({
        error: { code: "resource_exhausted", reason: "RATE_LIMITED", retryAfterMs: expect.any(Number) },
      });
    }
    expect([outcomes("published"), outcomes("limited")]).toEqual([4, 2]);
    expect(one.metrics.value("weft_gateway_rate_limited_total", { policy: "publish_user" })).toBe(2);
  });

  it("refuses more than all its members together may say", async () => {
    const [alice, bob] = [await entered(one, "alice", form), await entered(one, "bob", form)];
    for (let id = 2; id < 6; id += 1) {
      alice.send({ id, publish: { channel, data: id } });
      bob.send({ id, publish: { channel, data: id } });
    }
    await until("all are answered", () => outcomes("published") + outcomes("limited") === 8);
    expect(outcomes("published")).toBe(6);
    expect(one.metrics.value("weft_gateway_rate_limited_total", { policy: "publish_channel" })).toBe(2);
  });

  it("is told to be unavailable while the broker is away", async () => {
    const alice = await entered(one, "alice", form);
    pubsub.publish = () => Promise.reject(new Error("Connection is closed."));
    alice.send({ id: 2, publish: { channel, data: 1 } });
    const error = { code: "unavailable", reason: "CHANNEL_UNAVAILABLE", retryAfterMs: 1000 };
    expect(await alice.next()).toMatchObject({ id: 2, error });
    expect(outcomes("unavailable")).toBe(1);
  });

  it("takes no more of who becomes a viewer, as soon as the project says so", async () => {
    const bob = await entered(one, "bob", form);
    roles.set("bob", "viewer");
    const asked = one.calls.length;
    await pubsub.publish("project:p", '{"type":"members"}');
    await until("the permission is asked again", () => one.calls.length > asked);
    await until("it is refused", async () => {
      bob.send({ id: 2, publish: { channel, data: 1 } });
      const frame = (await bob.next()) as { error?: { code: string } };
      return frame.error?.code === "permission_denied";
    });
  });

  it("shows who is in it", async () => {
    const alice = await entered(one, "alice", form);
    alice.send({ id: 2, subscribe: { channel, presence: true } });
    expect(await alice.next()).toEqual({ id: 2, subscribed: { channel } });
    alice.send({ id: 3, presence: { channel } });
    expect(await alice.next()).toMatchObject({
      id: 3,
      presence: { channel, users: 1, clients: [{ userId: "user-alice" }] },
    });
  });
});
