import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ValidateTokenRequestSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { OpenRequestSchema, OpenResponseSchema } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../codec/byte-writer.ts";
import { codecFor } from "../codec/codec-for.ts";
import { traceFromHex } from "../trace-context.ts";
import {
  AnswerFrameReader,
  CallFrameReader,
  readRequestBatch,
  readResponseBatch,
  writeAnswer,
  writeCall,
  writeCancel,
  writeDraining,
  writeOtherAnswer,
  writeSettings,
} from "./frames.ts";
import { MetadataEntries, MetadataNumbers } from "./metadata.ts";
import { LaneFormatError, WireReader } from "./wire.ts";

const codec = codecFor(ValidateTokenRequestSchema);
const trace = traceFromHex("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1);
if (trace === undefined) {
  throw new Error("the trace of these tests is invalid");
}

/** Numbers whose varints are of every length. */
const uint32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const header = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), fc.string({ maxLength: 40 }));
const headers = fc
  .array(header, { maxLength: 4 })
  .map((entries) => (entries.length === 0 ? undefined : entries.flat()));

const call = fc.record({
  callId: uint32,
  methodId: fc.integer({ min: 0, max: 0xffff }),
  method: fc.constantFrom("", "weft.auth.v1.AuthService/ValidateToken"),
  timeoutMs: uint32,
  metadata: headers,
  token: fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.integer({ min: 0, max: 40_000 }).map((length) => "t".repeat(length)),
  ),
});

/** Reads a batch with our reader and gives it in the shape that protobuf-es has. */
function readCalls(bytes: Uint8Array, entries = new MetadataEntries()) {
  const reader = new WireReader();
  const frame = new CallFrameReader();
  const calls: unknown[] = [];
  const canceled: number[] = [];
  const buffer = Buffer.from(bytes);
  reader.set(buffer, 0, buffer.length);
  readRequestBatch(reader, {
    onCall: (start, end) => {
      frame.read(reader, start, end, entries);
      calls.push({
        callId: frame.callId,
        methodId: frame.methodId,
        method: frame.methodName,
        timeoutMs: frame.timeoutMs,
        trace: frame.traceAt < 0 ? "" : buffer.toString("hex", frame.traceAt, frame.traceAt + 25),
        metadata: frame.metadata,
        message: buffer.toString("hex", frame.messageStart, frame.messageEnd),
      });
    },
    onCanceled: (callIds) => canceled.push(...callIds),
  });
  return { calls, canceled };
}

describe("a batch of calls", () => {
  it("is what the published schema says, for protobuf-es as for our own reader", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 8 }), fc.array(uint32, { maxLength: 5 }), (calls, canceled) => {
        const writer = new ByteWriter(64);
        const widths = { messageWidth: 1, frameWidth: 1 };
        const numbers = new MetadataNumbers();
        const expected = calls.map(({ token, ...head }) => {
          const message = create(ValidateTokenRequestSchema, { token });
          const { callId, methodId, method, timeoutMs, metadata } = head;
          writeCall(writer, callId, methodId, method, timeoutMs, trace, metadata, numbers, codec, message, widths);
          return { ...head, message: Buffer.from(toBinary(ValidateTokenRequestSchema, message)).toString("hex") };
        });
        for (const callId of canceled) {
          writeCancel(writer, callId);
        }
        const bytes = writer.bytes.subarray(0, writer.position);
        const decoded = fromBinary(OpenRequestSchema, bytes);
        expect(decoded.canceledCallIds).toEqual(canceled);
        for (const [index, one] of decoded.calls.entries()) {
          const { message, metadata, ...head } = expected[index] as (typeof expected)[number];
          expect(one).toMatchObject(head);
          expect(Buffer.from(one.message).toString("hex")).toBe(message);
          expect(Buffer.from(one.traceContext).toString("hex")).toBe(
            "0af7651916cd43dd8448eb211c80319cb7ad6b716920333101",
          );
          expect(one.metadata.length * 2).toBe(metadata?.length ?? 0);
        }
        const read = readCalls(bytes);
        expect(read.canceled).toEqual(canceled);
        expect(read.calls).toEqual(
          expected.map((one) => ({ ...one, trace: "0af7651916cd43dd8448eb211c80319cb7ad6b716920333101" })),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("may come from protobuf-es, with fields in another order, packed numbers and fields of later versions", () => {
    const bytes = toBinary(
      OpenRequestSchema,
      create(OpenRequestSchema, {
        canceledCallIds: [1, 300, 70_000],
        calls: [
          {
            callId: 5,
            methodId: 9,
            method: "a.B/C",
            message: new Uint8Array([1, 2]),
            metadata: [{ name: "a", value: "b" }],
          },
        ],
      }),
    );
    const later = Buffer.concat([
      bytes,
      Buffer.from([0x7a, 2, 9, 9, 0x78, 1, 0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8]),
    ]);
    const { calls, canceled } = readCalls(later);
    expect(canceled).toEqual([1, 300, 70_000]);
    expect(calls).toEqual([
      { callId: 5, methodId: 9, method: "a.B/C", timeoutMs: 0, trace: "", metadata: ["a", "b"], message: "0102" },
    ]);
  });
});

function readAnswers(bytes: Uint8Array, entries = new MetadataEntries()) {
  const reader = new WireReader();
  const buffer = Buffer.from(bytes);
  const read: unknown[] = [];
  reader.set(buffer, 0, buffer.length);
  readResponseBatch(reader, {
    onSettings: (maxInFlight, maxMessageBytes) => read.push({ maxInFlight, maxMessageBytes }),
    onDraining: () => read.push("draining"),
    onAnswer: (start, end) => {
      const frame = new AnswerFrameReader();
      frame.read(reader, start, end, entries);
      const { messageStart, messageEnd, ...rest } = frame;
      read.push({ ...rest, message: buffer.toString("hex", messageStart, messageEnd) });
    },
  });
  return read;
}

describe("a batch of answers", () => {
  it("is what the published schema says", () => {
    const writer = new ByteWriter(16);
    const numbers = new MetadataNumbers();
    const message = create(ValidateTokenRequestSchema, { token: "x".repeat(200) });
    writeSettings(writer, 4096, 65_536);
    writeAnswer(writer, 7, codec, message, ["h", "1"], ["t", "ü"], numbers, { messageWidth: 1, frameWidth: 1 });
    writeOtherAnswer(
      writer,
      300,
      {
        code: 14,
        errorMessage: "not now: später",
        errorDetails: [{ type: "google.rpc.ErrorInfo", value: new Uint8Array([10, 1, 65]) }],
        headers: ["h", "1"],
        trailers: ["retry-after-ms", "50"],
        unprocessed: true,
        parcelId: 0xfedc_ba98_7654_3210n,
      },
      numbers,
    );
    writeDraining(writer);
    const bytes = writer.bytes.subarray(0, writer.position);
    const decoded = fromBinary(OpenResponseSchema, bytes);
    expect(decoded.settings).toMatchObject({ maxInFlight: 4096, maxMessageBytes: 65_536 });
    expect(decoded.draining).toBe(true);
    expect(decoded.answers[0]).toMatchObject({ callId: 7, code: 0, headers: [{ entryId: 1, name: "h", value: "1" }] });
    expect(fromBinary(ValidateTokenRequestSchema, decoded.answers[0]?.message ?? new Uint8Array())).toEqual(message);
    expect(decoded.answers[1]).toMatchObject({
      callId: 300,
      code: 14,
      errorMessage: "not now: später",
      unprocessed: true,
      parcelId: 0xfedc_ba98_7654_3210n,
      errorDetails: [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo" }],
      headers: [{ entryId: 1, name: "", value: "" }],
    });
    expect(readAnswers(bytes)).toMatchObject([
      { maxInFlight: 4096, maxMessageBytes: 65_536 },
      { callId: 7, code: 0, headers: ["h", "1"], trailers: ["t", "ü"] },
      {
        callId: 300,
        code: 14,
        errorMessage: "not now: später",
        errorDetails: [{ type: "google.rpc.ErrorInfo" }],
        headers: ["h", "1"],
        trailers: ["retry-after-ms", "50"],
        unprocessed: true,
        parcelId: 0xfedc_ba98_7654_3210n,
      },
      "draining",
    ]);
  });
});

/** A nightly run asks for a million. */
const fuzzRuns = Number(process.env.WEFT_FUZZ_RUNS ?? 20_000);

describe("bytes that are no batch", () => {
  it("end in a LaneFormatError or are read, and never reach beyond their end", () => {
    const valid = toBinary(
      OpenRequestSchema,
      create(OpenRequestSchema, {
        calls: [
          {
            callId: 5,
            methodId: 9,
            method: "a.B/C",
            message: new Uint8Array(20),
            metadata: [{ entryId: 3, name: "a", value: "b" }],
          },
        ],
        canceledCallIds: [1, 2],
      }),
    );
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) {
          bytes[at] = value;
        }
        return bytes;
      });
    const input = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(valid.length).map((length) => valid.subarray(0, length)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        for (const read of [readCalls, readAnswers]) {
          try {
            read(bytes);
          } catch (error) {
            if (!(error instanceof LaneFormatError)) {
              throw error;
            }
          }
        }
      }),
      { numRuns: fuzzRuns },
    );
  }, 600_000);

  it.each([
    ["a length beyond the end", [0x0a, 0x05, 0x08]],
    ["a number that never ends", [0x0a, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ["a wire type that does not exist", [0x0b]],
    ["metadata of a number that was never given", [0x0a, 0x04, 0x32, 0x02, 0x08, 0x05]],
    ["metadata of a number above the table", [0x0a, 0x07, 0x32, 0x05, 0x08, 0x41, 0x12, 0x01, 0x61]],
  ])("are refused for %s", (_what, bytes) => {
    expect(() => readCalls(Uint8Array.from(bytes))).toThrow(LaneFormatError);
  });
});
