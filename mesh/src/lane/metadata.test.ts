import { create, toBinary } from "@bufbuild/protobuf";
import { OpenRequestSchema } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../codec/byte-writer.ts";
import { CallFrameReader, readRequestBatch } from "./frames.ts";
import { headersFrom, MetadataEntries, MetadataNumbers, writeMetadata } from "./metadata.ts";
import { WireReader, writeVarint } from "./wire.ts";

/** One lane's two halves: what is written on one side is read on the other. */
function lane() {
  const numbers = new MetadataNumbers();
  const entries = new MetadataEntries();
  const send = (list: readonly string[]): { read: string[]; bytes: number } => {
    const writer = new ByteWriter(16);
    writeMetadata(writer, 0x32, list, numbers);
    const frame = Buffer.alloc(writer.position + 12);
    frame[0] = 0x0a;
    const start = writeVarint(frame, 1, writer.position);
    writer.bytes.copy(frame, start, 0, writer.position);
    const reader = new WireReader();
    const call = new CallFrameReader();
    reader.set(frame, 0, start + writer.position);
    let read: string[] = [];
    readRequestBatch(reader, {
      onCall: (from, to) => {
        call.read(reader, from, to, entries);
        read = call.metadata ?? [];
      },
      onCanceled: () => undefined,
    });
    return { read, bytes: writer.position };
  };
  return { send, numbers };
}

describe("the metadata of a lane", () => {
  it("arrives as it was sent, however often and in whatever mixture", () => {
    const entry = fc.tuple(
      fc.constantFrom("authorization", "tenant", "x-correlation-id", "a"),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(entry, { maxLength: 5 }), { maxLength: 60 }), (calls) => {
        const { send } = lane();
        for (const call of calls) {
          expect(send(call.flat()).read).toEqual(call.flat());
        }
      }),
      { numRuns: 100 },
    );
  });

  it("says what repeats by its number", () => {
    const { send } = lane();
    const list = ["authorization", `Bearer ${"t".repeat(400)}`];
    expect(send(list).bytes).toBeGreaterThan(400);
    expect(send(list).bytes).toBe(4);
  });

  it("remembers no more than its table holds, and is right all the same", () => {
    const { send } = lane();
    for (let round = 0; round < 3; round += 1) {
      for (let value = 0; value < 100; value += 1) {
        expect(send(["tenant", `t${value}`]).read).toEqual(["tenant", `t${value}`]);
      }
    }
  });

  it("says everything again after a frame that was not sent", () => {
    const { send, numbers } = lane();
    send(["tenant", "a"]);
    numbers.forget();
    expect(send(["tenant", "a"]).read).toEqual(["tenant", "a"]);
  });

  it("does not remember what is different in every call, or longer than 8192 characters", () => {
    const { send } = lane();
    for (const list of [
      ["x-correlation-id", "c".repeat(36)],
      ["blob", "b".repeat(9000)],
    ]) {
      expect(send(list).bytes).toBe(send(list).bytes);
    }
  });
});

describe("headersFrom", () => {
  it("leaves out what no header may hold", () => {
    expect([...headersFrom(["a", "1", "bad name", "2", "b", "line\nbreak", "c", "3"])]).toEqual([
      ["a", "1"],
      ["c", "3"],
    ]);
  });
});

it("the schema's entry numbers are those of the table", () => {
  const bytes = toBinary(
    OpenRequestSchema,
    create(OpenRequestSchema, { calls: [{ metadata: [{ entryId: 64, name: "a", value: "b" }] }] }),
  );
  const reader = new WireReader();
  const frame = new CallFrameReader();
  reader.set(Buffer.from(bytes), 0, bytes.length);
  const entries = new MetadataEntries();
  readRequestBatch(reader, {
    onCall: (start, end) => frame.read(reader, start, end, entries),
    onCanceled: () => undefined,
  });
  expect(frame.metadata).toEqual(["a", "b"]);
});
