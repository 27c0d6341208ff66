import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeStream } from "../tests/fake-stream.ts";
import { ModelGateway } from "../tests/model-gateway.ts";
import type { LinkEnd } from "./link.ts";
import type { Position } from "./protocol.ts";
import { StreamLink } from "./stream-link.ts";

const channel = "project:p";
let clock: FakeClock;
let gateway: ModelGateway;
let streams: FakeStream[];
let known: Position | undefined;
let ends: LinkEnd[];
let link: StreamLink;

beforeEach(() => {
  clock = new FakeClock();
  gateway = new ModelGateway();
  streams = [];
  known = undefined;
  ends = [];
  link = new StreamLink(
    {
      url: "http://gateway.test/api/realtime/sse",
      fetch: (url, request) => {
        const stream = new FakeStream(clock, gateway, () => false);
        streams.push(stream);
        return stream.open(url, request);
      },
      clock,
      wanted: () => [{ channel, from: known }],
      credential: (settle) => settle({ token: "t" }),
      ...{ openTimeoutMs: 1000, commandTimeoutMs: 1000, silenceMs: 33_000 },
    },
    { opened: () => undefined, frame: () => undefined, ended: (end) => ends.push(end) },
  );
});

/** Connects, and subscribes as soon as that is done. */
async function subscribe(recover: Position | undefined): Promise<unknown[]> {
  const answers: unknown[] = [];
  await clock.advance(0);
  link.request("connect", { token: "t" }, () => {
    link.request("subscribe", { channel, ...(recover && { recover }) }, (answer) => answers.push(answer));
  });
  await clock.advance(100);
  return answers;
}

describe("a subscription", () => {
  it("is answered by the stream that was opened for it", async () => {
    known = gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    const answers = await subscribe(known);
    expect(answers).toMatchObject([{ ok: true, body: { recovered: true, publications: [{ data: 2 }] } }]);
    expect(streams.length).toBe(1);
  });

  it("from another position than that stream began at has another stream opened", async () => {
    const before = gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    const opening = subscribe(before);
    await clock.advance(1);
    known = before;
    expect(await opening).toMatchObject([{ ok: true, body: { recovered: true, publications: [{ data: 2 }] } }]);
    expect(streams.length).toBe(2);
  });
});

it("a link that is closed while a stream is being opened leaves nothing", async () => {
  await clock.advance(0);
  link.request("connect", { token: "t" }, () => undefined);
  link.close(1000, "closed");
  await clock.advance(100);
  expect(ends).toEqual([{ code: 1000, reason: "closed" }]);
  expect([clock.pendingTimers, gateway.connections.size]).toEqual([0, 0]);
});
