import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventStream } from "./event-stream.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/* Real time over server-sent events: the same sessions as behind WebSockets. */

let harness: GatewayHarness;
const streams: EventStream[] = [];

beforeEach(async () => {
  harness = await startGateway({
    env: {
      WEFT_WS_CHANNELS_PER_CONNECTION: "3",
      WEFT_WS_CONNECTIONS_PER_USER: "2",
      WEFT_WS_BACKPRESSURE_SOFT_BYTES: "65536",
      WEFT_WS_BACKPRESSURE_HARD_BYTES: "1048576",
    },
    routes: (router) => {
      router.service(ProjectService, {
        getProject: ({ id }) => {
          if (id === "secret") {
            throw serviceError(Code.NotFound, "NOT_FOUND", "there is no such project");
          }
          return { project: { id } };
        },
      });
      router.service(SimulationService, { getSimulation: ({ id }) => ({ simulation: { id } }) });
    },
  });
});
afterEach(async () => {
  for (const stream of streams.splice(0)) {
    stream.leave();
  }
  await harness.stop();
});

const bearer = { authorization: "Bearer alice" };
const at = (query: string) => `${harness.url}/api/realtime/sse?${query}`;
const connections = () => harness.metrics.value("weft_gateway_ws_connections");

async function open(query: string, headers: Record<string, string> = bearer): Promise<EventStream> {
  const stream = await EventStream.open(at(query), headers);
  streams.push(stream);
  expect(stream.response.status).toBe(200);
  return stream;
}

async function publish(...values: number[]): Promise<void> {
  for (const value of values) {
    await harness.channels.publish("project:p", String(value));
  }
}

describe("a stream of events", () => {
  it("brings answers and pushes of the channels it names, as frames", async () => {
    const stream = await open("channels=project:p,simulation:s");
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
    expect(stream.response.headers.get("cache-control")).toBe("no-store");
    const answers = [(await stream.next())?.data, (await stream.next())?.data];
    expect(answers).toContainEqual({
      id: 1,
      subscribed: expect.objectContaining({ channel: "project:p", recovered: false }),
    });
    expect(answers).toContainEqual({ id: 2, subscribed: { channel: "simulation:s" } });
    await publish(1);
    expect((await stream.next())?.data).toEqual({ push: { channel: "project:p", data: 1, offset: 1 } });
    await harness.pubsub.publish("simulation:s", '{"sequence":5}');
    expect(await stream.next()).toMatchObject({ id: undefined, data: { push: { data: { sequence: 5 } } } });
  });

  it("goes on from the last event that its client had, also in the query", async () => {
    const stream = await open("channels=project:p");
    await stream.next();
    await publish(1, 2);
    await stream.next();
    stream.leave();
    await until("it has gone", () => connections() === 0);
    await publish(3);
    const lastEventId = stream.lastEventId ?? "";
    const again = await open("channels=project:p", { ...bearer, "last-event-id": lastEventId });
    const publications = [
      { offset: 2, data: 2 },
      { offset: 3, data: 3 },
    ];
    expect((await again.next())?.data).toMatchObject({ id: 1, subscribed: { recovered: true, publications } });
    await publish(4);
    expect((await again.next())?.data).toMatchObject({ push: { data: 4, offset: 4 } });
    expect(again.lastEventId).not.toBe(lastEventId);
    const third = await open(`channels=project:p&lastEventId=${again.lastEventId}`);
    expect((await third.next())?.data).toMatchObject({ subscribed: { recovered: true, publications: [] } });
  });

  it("says that publications are lost, and ends so that its client comes back and hears it", async () => {
    const stream = await open("channels=project:p");
    await stream.next();
    await publish(1);
    await stream.next();
    harness.channels.forget();
    harness.pubsub.gap();
    expect((await stream.next())?.data).toMatchObject({
      notice: { code: "subscription_ended", reason: "insufficient_state" },
    });
    expect(await stream.next()).toMatchObject({ type: "close", data: { code: 1012, reason: "insufficient_state" } });
    expect(await stream.next()).toBeUndefined();
    const again = await open("channels=project:p", { ...bearer, "last-event-id": stream.lastEventId ?? "" });
    expect((await again.next())?.data).toMatchObject({ subscribed: { recovered: false } });
  });

  it("is opened by a ticket, once", async () => {
    const answer = await fetch(`${harness.url}/api/realtime/tickets`, { method: "POST", headers: bearer });
    const { ticket } = (await answer.json()) as { ticket: string };
    const stream = await open(`channels=project:p&ticket=${ticket}`, {});
    expect((await stream.next())?.data).toMatchObject({ subscribed: {} });
    expect((await fetch(at(`channels=project:p&ticket=${ticket}`))).status).toBe(401);
  });

  it.each([
    ["without a credential", "channels=project:p", {}, 401],
    ["with a bad token", "channels=project:p", { authorization: "Bearer nonsense" }, 401],
    ["from a page of another origin", "channels=project:p", { ...bearer, origin: "https://evil.example" }, 403],
    ["without channels", "", bearer, 400],
    ["with something that is no channel", "channels=project:p,nonsense", bearer, 400],
    ["with too many channels", "channels=project:a,project:b,project:c,project:d", bearer, 400],
    ["with an id that no event had", "channels=project:p", { ...bearer, "last-event-id": "nonsense" }, 400],
  ])("is refused %s", async (_, query, headers, status) => {
    const answer = await fetch(at(query), { headers });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    expect(connections()).toBe(0);
  });

  it("counts as a connection of its user until it has gone", async () => {
    const first = await open("channels=project:p");
    await open("channels=project:p");
    expect((await fetch(at("channels=project:p"), { headers: bearer })).status).toBe(429);
    first.leave();
    await until("the place is free", () => connections() === 1);
    await open("channels=project:p");
  });

  it("tells of a channel that may not be read, and goes on with the others", async () => {
    const stream = await open("channels=project:secret,project:p");
    const answers = [(await stream.next())?.data, (await stream.next())?.data];
    expect(answers).toContainEqual({ id: 1, error: expect.objectContaining({ code: "not_found" }) });
    expect(answers).toContainEqual({ id: 2, subscribed: expect.objectContaining({ channel: "project:p" }) });
  });

  it("ends with the login, saying so", async () => {
    const stream = await open("channels=project:p");
    await stream.next();
    harness.verifier.revoke("alice");
    expect(await stream.next()).toMatchObject({ type: "close", data: { code: 4401, reason: "token_revoked" } });
    expect(await stream.next()).toBeUndefined();
    await until("it is counted as ended", () => connections() === 0);
    expect(harness.metrics.value("weft_gateway_ws_closes_total", { reason: "token_revoked" })).toBe(1);
  });

  it("is told by a gateway that stops when to come back", async () => {
    const stream = await open("channels=project:p");
    await stream.next();
    await harness.gateway.stopAccepting();
    expect(await stream.next()).toMatchObject({
      retry: expect.stringMatching(/^\d+$/),
      data: { notice: { code: "draining" } },
    });
    expect(await stream.next()).toMatchObject({ type: "close", data: { code: 1012, reason: "draining" } });
  });

  it("of a client that reads nothing is ended when too much waits", async () => {
    await open("channels=project:p");
    await until("it is subscribed", () => harness.metrics.value("weft_gateway_ws_subscriptions") === 1);
    const large = JSON.stringify("x".repeat(60_000));
    await until("it is too slow", async () => {
      await harness.channels.publish("project:p", large);
      return harness.metrics.value("weft_gateway_ws_closes_total", { reason: "slow_consumer" }) === 1;
    });
  });
});
