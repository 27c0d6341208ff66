import { until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryPresenceStore } from "../src/ws/memory-presence-store.ts";
import { presenceTimes } from "../src/ws/presence-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { openSocket, type TestSocket } from "./test-socket.ts";

/* Presence as clients of one gateway see it; the rooms themselves are tested beside their source. */

let harness: GatewayHarness;
const sockets: TestSocket[] = [];
const channel = "project:p";

beforeEach(async () => {
  harness = await startGateway({
    presence: createMemoryPresenceStore({
      nowMs: () => performance.now(),
      announce: (subject) => void harness.pubsub.publish(subject, ""),
      times: { ...presenceTimes, graceMs: 1, tellEveryMs: 1 },
    }),
    routes: (router) => router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) }),
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await harness.stop();
});

async function subscribed(token: string, options: object): Promise<TestSocket> {
  const socket = await openSocket(harness.port, { token });
  sockets.push(socket);
  socket.send({ id: 1, subscribe: { channel, ...options } });
  expect(await socket.next()).toMatchObject({ id: 1, subscribed: { channel } });
  return socket;
}

async function listed(socket: TestSocket): Promise<unknown> {
  socket.send({ id: 2, presence: { channel } });
  return ((await socket.next()) as { presence: unknown }).presence;
}

describe("presence", () => {
  it("shows who asked for it, and not who only reads", async () => {
    await subscribed("alice", { presence: true });
    const reader = await subscribed("bob", {});
    expect(await listed(reader)).toEqual({
      channel,
      users: 1,
      connections: 1,
      clients: [{ userId: "user-alice", connections: 1, since: expect.stringMatching(/^\d{4}-.*Z$/) }],
    });
  });

  it("tells those who are shown of who comes and goes", async () => {
    const alice = await subscribed("alice", { presence: true });
    expect(await listed(alice)).toMatchObject({ users: 1 });
    const bob = await subscribed("bob", { presence: true });
    expect(await alice.next()).toEqual({ presence: { channel, users: 2, joined: ["user-bob"], left: [] } });
    bob.send({ id: 3, unsubscribe: { channel } });
    expect(await alice.next()).toEqual({ presence: { channel, users: 1, joined: [], left: ["user-bob"] } });
  });

  it("begins and ends with the option when a channel is subscribed again", async () => {
    const alice = await subscribed("alice", { presence: true });
    const bob = await subscribed("bob", {});
    bob.send({ id: 5, subscribe: { channel, presence: true } });
    expect(await alice.next()).toMatchObject({ presence: { joined: ["user-bob"] } });
    bob.send({ id: 6, subscribe: { channel } });
    expect(await alice.next()).toMatchObject({ presence: { left: ["user-bob"] } });
  });

  it("ends with the connection, and leaves no room behind", async () => {
    const alice = await subscribed("alice", { presence: true });
    const bob = await subscribed("bob", { presence: true });
    expect(await alice.next()).toMatchObject({ presence: { joined: ["user-bob"] } });
    harness.verifier.revoke("bob");
    expect((await bob.closed()).code).toBe(4401);
    expect(await alice.next()).toMatchObject({ presence: { left: ["user-bob"] } });
    expect(harness.metrics.value("weft_gateway_ws_presence_told_total")).toBe(2);
  });

  it("is told to subscribers of the channel only", async () => {
    const socket = await openSocket(harness.port, { token: "bob" });
    sockets.push(socket);
    socket.send({ id: 1, presence: { channel } });
    expect(await socket.next()).toMatchObject({
      id: 1,
      error: { code: "failed_precondition", reason: "NOT_SUBSCRIBED" },
    });
    socket.send({ id: 2, subscribe: { channel: "notifications:user-bob", presence: true } });
    expect(await socket.next()).toMatchObject({ id: 2, error: { code: "invalid_argument" } });
    socket.send({ id: 3, subscribe: { channel, presence: "yes" } });
    expect(await socket.next()).toMatchObject({ id: 3, error: { code: "invalid_argument" } });
    await until("nobody is shown", () => harness.metrics.value("weft_gateway_ws_presence_told_total") === 0);
  });
});
