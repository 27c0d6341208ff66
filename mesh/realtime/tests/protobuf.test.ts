import { create, fromBinary, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@weft/proto/weft/realtime/v1/realtime_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protobuf } from "../src/protobuf/index.ts";
import type { ServerFrame } from "../src/protocol.ts";

/*
 * This package's own codec of a few hundred lines against the one that is generated from the same file: they have to agree in
 * both directions.
 */

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function decoded(frame: MessageInitShape<typeof ServerFrameSchema>): ServerFrame | undefined {
  const bytes = toBinary(ServerFrameSchema, create(ServerFrameSchema, frame));
  return protobuf.decode(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** What a server reads of a client's frame. */
function sent(id: number, command: string, body: object): unknown {
  return toJson(ClientFrameSchema, fromBinary(ClientFrameSchema, protobuf.encode(id, command, body) as Uint8Array));
}

describe("a client's frame in protobuf", () => {
  it.each([
    ["connect", { token: "t" }, { token: "t" }],
    ["connect", { ticket: "t" }, { ticket: "t" }],
    ["refresh", { token: "näher" }, { token: "näher" }],
    ["subscribe", { channel: "project:p" }, { channel: "project:p" }],
    [
      "subscribe",
      { channel: "project:p", recover: { epoch: "e", offset: 2 ** 53 - 1 }, presence: true },
      { channel: "project:p", recover: { position: { epoch: "e", offset: "9007199254740991" } }, presence: true },
    ],
    [
      "subscribe",
      { channel: "simulation:s", encoding: "binary", detail: "overview", everyMs: 16.6 },
      {
        channel: "simulation:s",
        encoding: "ENCODING_BINARY",
        detail: { level: "LEVEL_OVERVIEW" },
        everyMs: 16.6,
      },
    ],
    [
      "subscribe",
      { channel: "simulation:s", encoding: "json", detail: ["a", "b"] },
      { channel: "simulation:s", encoding: "ENCODING_JSON", detail: { components: { ids: ["a", "b"] } } },
    ],
    ["unsubscribe", { channel: "project:p" }, { channel: "project:p" }],
    ["presence", { channel: "project:p" }, { channel: "project:p" }],
    [
      "publish",
      { channel: "room:p", data: { x: 1 }, key: "cursor" },
      { channel: "room:p", data: Buffer.from('{"x":1}').toString("base64"), key: "cursor" },
    ],
    ["ping", {}, {}],
  ])("says what %s says in JSON: %j", (command, body, expected) => {
    expect(sent(300, command, body)).toEqual({ id: "300", [command]: expected });
  });

  it("has its number and its texts, whatever they are", () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), fc.string({ unit: "grapheme" }), (id, token) => {
        expect(sent(id, "refresh", { token })).toEqual({ id: String(id), refresh: token === "" ? {} : { token } });
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("a server's frame in protobuf", () => {
  const answer = (body: object) => ({ kind: "answer", id: 7, answer: { ok: true, body } });
  const push = { kind: "push", channel: "c", offset: undefined, skipped: 0, from: undefined, key: undefined };

  it.each<[string, MessageInitShape<typeof ServerFrameSchema>["frame"], unknown]>([
    [
      "connected",
      {
        case: "connected",
        value: { userId: "ada", expiresAt: { seconds: 9n }, limits: { framesPerSecond: 50, channels: 9 } },
      },
      answer({ userId: "ada", limits: { framesPerSecond: 50 } }),
    ],
    ["refreshed", { case: "refreshed", value: { userId: "ada" } }, answer({ userId: "ada" })],
    ["subscribed", { case: "subscribed", value: { channel: "c" } }, answer({ channel: "c" })],
    [
      "subscribed at the beginning of an epoch",
      { case: "subscribed", value: { channel: "c", recoverable: true, position: { epoch: "e" }, recovered: false } },
      answer({ channel: "c", epoch: "e", offset: 0, recovered: false }),
    ],
    [
      "recovered",
      {
        case: "subscribed",
        value: {
          channel: "c",
          recoverable: true,
          position: { epoch: "e", offset: 2n },
          recovered: true,
          publications: [
            { offset: 1n, data: json({ a: [1] }) },
            { offset: 2n, data: json("b") },
          ],
        },
      },
      answer({
        channel: "c",
        epoch: "e",
        offset: 2,
        recovered: true,
        publications: [
          { offset: 1, data: { a: [1] } },
          { offset: 2, data: "b" },
        ],
      }),
    ],
    ["unsubscribed", { case: "unsubscribed", value: { channel: "c" } }, answer({ channel: "c" })],
    [
      "presence",
      {
        case: "presence",
        value: { channel: "c", users: 1, clients: { clients: [{ userId: "ada", connections: 2 }] } },
      },
      answer({ channel: "c", users: 1, clients: [{ userId: "ada" }] }),
    ],
    [
      "presence of nobody",
      { case: "presence", value: { channel: "c", clients: {} } },
      answer({ channel: "c", users: 0, clients: [] }),
    ],
    [
      "presence of many",
      { case: "presence", value: { channel: "c", users: 900 } },
      answer({ channel: "c", users: 900 }),
    ],
    ["published", { case: "published", value: {} }, answer({})],
    ["pong", { case: "pong", value: {} }, answer({})],
    [
      "an error",
      { case: "error", value: { code: "resource_exhausted", message: "m", reason: "R", retryAfterMs: 250n } },
      {
        kind: "answer",
        id: 7,
        answer: { ok: false, code: "resource_exhausted", message: "m", reason: "R", retryAfterMs: 250 },
      },
    ],
    [
      "an error that its code says all of",
      { case: "error", value: { code: "not_found", message: "m" } },
      {
        kind: "answer",
        id: 7,
        answer: { ok: false, code: "not_found", message: "m", reason: undefined, retryAfterMs: undefined },
      },
    ],
  ])("that answers is the same as in JSON: %s", (_what, frame, expected) => {
    expect(decoded({ id: 7n, frame } as MessageInitShape<typeof ServerFrameSchema>)).toEqual(expected);
  });

  it.each<[string, MessageInitShape<typeof ServerFrameSchema>["frame"], unknown]>([
    [
      "a push",
      { case: "push", value: { channel: "c", data: { case: "json", value: json({ v: 1 }) }, offset: 3n, skipped: 2n } },
      { ...push, data: { v: 1 }, offset: 3, skipped: 2 },
    ],
    [
      "a push of a client",
      { case: "push", value: { channel: "c", data: { case: "json", value: json(null) }, from: "ada", key: "k" } },
      { ...push, data: null, from: "ada", key: "k" },
    ],
    [
      "a push of bytes",
      { case: "push", value: { channel: "c", data: { case: "binary", value: Uint8Array.of(1, 2, 255) } } },
      { ...push, data: Uint8Array.of(1, 2, 255) },
    ],
    [
      "who came and left",
      { case: "presenceChange", value: { channel: "c", users: 2, names: { joined: ["a", "b"], left: ["x"] } } },
      { kind: "presence", channel: "c", users: 2, joined: ["a", "b"], left: ["x"] },
    ],
    [
      "how many are there",
      { case: "presenceChange", value: { channel: "c", users: 200 } },
      { kind: "presence", channel: "c", users: 200, joined: undefined, left: [] },
    ],
    [
      "a token that expires",
      { case: "notice", value: { notice: { case: "tokenExpiring", value: { expiresAt: { seconds: 1n } } } } },
      { kind: "token_expiring" },
    ],
    [
      "a gap",
      { case: "notice", value: { notice: { case: "gap", value: { channel: "c" } } } },
      { kind: "gap", channel: "c", position: undefined },
    ],
    [
      "a gap with a position",
      {
        case: "notice",
        value: { notice: { case: "gap", value: { channel: "c", position: { epoch: "e", offset: 4n } } } },
      },
      { kind: "gap", channel: "c", position: { epoch: "e", offset: 4 } },
    ],
    [
      "the end of a subscription",
      {
        case: "notice",
        value: { notice: { case: "subscriptionEnded", value: { channel: "c", reason: "not_found", message: "m" } } },
      },
      { kind: "subscription_ended", channel: "c", reason: "not_found", message: "m" },
    ],
    [
      "a drain",
      { case: "notice", value: { notice: { case: "draining", value: { reconnectAfterMs: 70_000n } } } },
      { kind: "draining", reconnectAfterMs: 70_000 },
    ],
  ])("that is told unasked is the same as in JSON: %s", (_what, frame, expected) => {
    expect(decoded({ frame } as MessageInitShape<typeof ServerFrameSchema>)).toEqual(expected);
  });

  it("of a kind or with fields that are not known is left alone", () => {
    const unknown = Uint8Array.of(0xf8, 0x07, 0x05, 0xfd, 0x07, 1, 2, 3, 4, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8);
    expect(protobuf.decode(unknown.buffer)).toBe(undefined);
    const pong = toBinary(ServerFrameSchema, create(ServerFrameSchema, { id: 7n, frame: { case: "pong", value: {} } }));
    expect(protobuf.decode(Uint8Array.of(...unknown, ...pong).buffer)).toEqual(answer({}));
  });

  it("that is damaged is none, and never an exception", () => {
    const whole = toBinary(
      ServerFrameSchema,
      create(ServerFrameSchema, {
        frame: { case: "push", value: { channel: "c", data: { case: "json", value: json([1, 2]) }, offset: 700n } },
      }),
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
        const bytes = isCut ? whole.slice(0, at) : whole.with(at, byte);
        protobuf.decode(bytes.slice().buffer);
      }),
      { numRuns: 500, seed: 2 },
    );
    expect(protobuf.decode(whole.slice(0, -1).buffer)).toBe(undefined);
    expect(protobuf.decode("text")).toBe(undefined);
  });
});
