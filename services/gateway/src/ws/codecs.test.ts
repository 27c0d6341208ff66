import { create, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema } from "@weft/proto/weft/realtime/v1/realtime_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientFrameBytes, jsonOfServerFrame } from "../../tests/protobuf-frames.ts";
import { codecFor, subprotocols } from "./codecs.ts";
import { jsonCodec } from "./json-codec.ts";
import { protobufCodec } from "./protobuf-codec.ts";
import type { ServerFrame } from "./server-frames.ts";

const runs = { seed: 20_261_121 };
const bytesOf = (frame: object) => Buffer.from(JSON.stringify(frame));

const id = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const channel = fc
  .tuple(fc.constantFrom("simulation", "traces", "project", "notifications", "room", "auth"), name)
  .map(([kind, each]) => `${kind}:${each}`);
const position = fc.record({ epoch: fc.stringMatching(/^[a-zA-Z0-9]{0,66}$/), offset: id });
const json = fc.jsonValue();

/** Commands right and nearly right, as JSON; what protobuf has no field or no type for is left out. */
const command = fc
  .tuple(
    fc.option(id, { nil: undefined }),
    fc.oneof(
      fc.record({ connect: fc.oneof(fc.record({ token: fc.string() }), fc.record({ ticket: fc.string() })) }),
      fc.record({ refresh: fc.record({ token: fc.string() }) }),
      fc.record({ unsubscribe: fc.record({ channel }) }),
      fc.record({ presence: fc.record({ channel }) }),
      fc.constant({ ping: {} }),
      fc.record({
        publish: fc.record(
          { channel, data: json, key: fc.string({ maxLength: 66 }) },
          { requiredKeys: ["channel", "data"] },
        ),
      }),
      fc.record({
        subscribe: fc.record(
          {
            channel,
            recover: fc.option(position),
            presence: fc.boolean(),
            encoding: fc.constantFrom("json", "binary"),
            detail: fc.oneof(
              fc.constantFrom("overview", "all"),
              fc.array(fc.string({ maxLength: 65 }), { maxLength: 5 }),
            ),
            everyMs: fc.double({ min: 0, max: 70_000, noNaN: true }),
          },
          { requiredKeys: ["channel"] },
        ),
      }),
    ),
  )
  .map(([number, body]) => (number === undefined ? body : { id: number, ...body }));

const text = fc.string({ unit: "grapheme" });
const atMs = fc.double({ min: 0, max: 4_102_444_800_000, noNaN: true });
const count = fc.nat({ max: 2 ** 32 - 1 });
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const place = fc.record({ epoch: fc.stringMatching(/^[a-z0-9]{1,64}$/), offset: id });
const payload = json.map((value) => JSON.stringify(value));
const identity = { userId: text, expiresAtMs: atMs };

const frame: fc.Arbitrary<ServerFrame> = fc.oneof(
  fc.record({
    kind: fc.constant("connected"),
    id,
    ...identity,
    limits: fc.record({ channels: count, frameBytes: count, framesPerSecond: count }),
  }),
  fc.record({ kind: fc.constant("refreshed"), id, ...identity }),
  fc.record({ kind: fc.constant("subscribed"), id, channel }),
  fc.record({ kind: fc.constant("subscribed"), id, channel, position: place, recovered: maybe(fc.constant(false)) }),
  fc.record({
    kind: fc.constant("subscribed"),
    id,
    channel,
    position: place,
    recovered: fc.constant(true),
    publications: fc.array(fc.record({ offset: id, json: payload }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("unsubscribed"), id, channel }),
  fc.record({
    kind: fc.constant("presence"),
    id,
    channel,
    users: count,
    connections: count,
    clients: maybe(fc.array(fc.record({ userId: text, connections: count, sinceMs: atMs }), { maxLength: 4 })),
  }),
  fc.record({ kind: fc.constantFrom("published", "pong"), id }),
  fc.record({
    kind: fc.constant("error"),
    id: maybe(id),
    code: text,
    message: text,
    reason: maybe(text.filter((each) => each !== "")),
    retryAfterMs: maybe(id),
  }),
  fc.record({
    kind: fc.constant("push"),
    channel,
    data: payload,
    offset: maybe(id),
    skipped: id,
    from: maybe(text.filter((each) => each !== "")),
    key: maybe(name),
  }),
  fc.record({
    kind: fc.constant("presenceNews"),
    channel,
    news: fc.oneof(
      fc.record({ users: count }),
      fc.record({ users: count, joined: fc.array(text), left: fc.array(text) }),
    ),
  }),
  fc.record({
    kind: fc.constant("notice"),
    notice: fc.oneof(
      fc.record({ code: fc.constant("token_expiring"), expiresAtMs: atMs }),
      fc.record({ code: fc.constant("gap"), channel, position: maybe(place) }),
      fc.record({ code: fc.constant("subscription_ended"), channel, reason: text, message: text }),
      fc.record({ code: fc.constant("draining"), reconnectAfterMs: id }),
    ),
  }),
);

describe("the two forms of the protocol", () => {
  it("read the same command from the same frame, and refuse the same in the same words", () => {
    let good = 0;
    fc.assert(
      fc.property(command, (frameJson) => {
        const read = protobufCodec.decode(clientFrameBytes(frameJson));
        expect(read).toEqual(jsonCodec.decode(bytesOf(frameJson)));
        good += read.ok ? 1 : 0;
      }),
      { ...runs, numRuns: 400 },
    );
    expect(good).toBeGreaterThan(50);
  });

  it("say the same of every frame of the gateway", () => {
    fc.assert(
      fc.property(frame, (each) => {
        const { bytes, form } = protobufCodec.encode(each);
        expect(form).toBe("binary");
        expect(jsonOfServerFrame(bytes as Uint8Array)).toEqual(JSON.parse(String(jsonCodec.encode(each).bytes)));
      }),
      { ...runs, numRuns: 400 },
    );
  });

  it("carry a frame of a simulation unchanged", () => {
    const data = Uint8Array.of(0, 255, 7);
    const push = { kind: "push", channel: "simulation:s", data, skipped: 0 } as const;
    expect(jsonCodec.encode(push)).toEqual({ bytes: data, form: "binary" });
    expect(jsonOfServerFrame(protobufCodec.encode(push).bytes as Uint8Array)).toEqual(data);
  });

  it("are chosen by the first subprotocol that is known", () => {
    expect(subprotocols).toEqual(["weft.v1", "weft.v1.proto"]);
    expect(codecFor(["weft.v9", "weft.v1.proto", "weft.v1"])).toBe(protobufCodec);
    expect(codecFor(["ticket.x", "weft.v1"])).toBe(jsonCodec);
    expect(codecFor(["weft.v1.prot", ""])).toBeUndefined();
  });
});

describe("bytes of clients", () => {
  it.each([
    ["weft.v1", jsonCodec],
    ["weft.v1.proto", protobufCodec],
  ])("whatever they are, are read or refused (%s)", (_, codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = codec.decode(bytes);
        expect(read.ok || read.message !== "").toBe(true);
      }),
      { ...runs, numRuns: 600 },
    );
  });

  it("of a frame in protobuf that have been changed are read or refused", () => {
    const at = fc.nat({ max: 300 });
    fc.assert(
      fc.property(command, fc.array(fc.tuple(at, fc.nat({ max: 255 })), { maxLength: 4 }), at, (whole, edits, cut) => {
        const bytes = Uint8Array.from(clientFrameBytes(whole));
        for (const [where, byte] of edits) {
          bytes[where % Math.max(1, bytes.length)] = byte;
        }
        const read = protobufCodec.decode(bytes.subarray(0, Math.max(0, bytes.length - (cut % 8))));
        expect(read.ok || read.message !== "").toBe(true);
      }),
      { ...runs, numRuns: 600 },
    );
  });

  it.each([
    ["groups within groups", Buffer.alloc(60_000, 0x0b)],
    ["a length beyond the end", Uint8Array.of(0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ["a number without an end", Buffer.alloc(20, 0xff)],
    ["text that is no UTF-8", Uint8Array.of(0x08, 0x01, 0x22, 0x04, 0x0a, 0x02, 0xc0, 0xae)],
    ["nothing", new Uint8Array()],
  ])("with %s are refused in protobuf", (_, bytes) => {
    expect(protobufCodec.decode(bytes)).toMatchObject({ ok: false, message: expect.any(String) });
  });

  it.each([
    ["the frame", [0x08, 5, 0x3a, 0, 0x50, 1], 'a frame has "id" and exactly one of'],
    ["a command", [0x08, 5, 0x3a, 2, 0x50, 1], '"ping" has no "field 10"'],
    [
      "the position",
      [0x08, 5, 0x1a, 10, 0x0a, 2, 0x70, 0x3a, 0x12, 4, 0x0a, 2, 0x50, 1],
      '"subscribe.channel" must be',
    ],
    [
      "an encoding",
      [0x08, 5, 0x1a, 16, 0x0a, 12, ...Buffer.from("simulation:s"), 0x20, 9],
      'must be "json" or "binary"',
    ],
  ])("with a field that %s does not have are refused, with the id", (_, bytes, message) => {
    expect(protobufCodec.decode(Uint8Array.from(bytes))).toEqual({
      ok: false,
      id: 5,
      message: expect.stringContaining(message),
    });
  });

  it("with data nested deeper than any stack are refused in both forms", () => {
    const data = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
    const inJson = Buffer.from(`{"id":5,"publish":{"channel":"room:p","data":${data}}}`);
    const publish = { case: "publish" as const, value: { channel: "room:p", data: Buffer.from(data) } };
    const inProtobuf = toBinary(ClientFrameSchema, create(ClientFrameSchema, { id: 5n, command: publish }));
    const refused = { ok: false, id: 5, message: '"publish.data" must be a JSON value of at most 4096 bytes' };
    expect([jsonCodec.decode(inJson), protobufCodec.decode(inProtobuf)]).toEqual([refused, refused]);
  });

  it("with data that are no JSON are refused", () => {
    const publish = { id: 5, publish: { channel: "room:p", data: 1 } };
    const bytes = clientFrameBytes(publish);
    expect(protobufCodec.decode(bytes)).toMatchObject({ ok: true });
    bytes[bytes.length - 1] = 0x7b;
    expect(protobufCodec.decode(bytes)).toMatchObject({
      ok: false,
      id: 5,
      message: expect.stringContaining("publish.data"),
    });
  });
});
