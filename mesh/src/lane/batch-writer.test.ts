import { expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { BatchWriter } from "./batch-writer.ts";

/** Writes one batch of this many bytes, all of one value; gives it as the socket would hold it. */
function batchOf(batch: BatchWriter, size: number, value: number) {
  batch.begin().raw(new Uint8Array(size).fill(value));
  const bytes = batch.take();
  return { bytes, sent: batch.onSent, size, value };
}

const isWhole = ({ bytes, size, value }: { bytes: Buffer; size: number; value: number }): boolean =>
  bytes[0] === 0 && bytes.readUInt32BE(1) === size && bytes.subarray(5).every((byte) => byte === value);

test("a batch is one gRPC message with its frames in order", () => {
  const batch = new BatchWriter();
  expect(batch.size).toBe(0);
  batch.begin().raw(Buffer.from("one "));
  batch.begin().raw(Buffer.from("two"));
  expect(batch.size).toBe(5 + 7);
  expect(batch.take().toString("latin1")).toBe("\0\0\0\0\x07one two");
  expect(batch.size).toBe(0);
});

test("a slab that was sent is written again", () => {
  const batch = new BatchWriter();
  const buffers = new Set<ArrayBufferLike>();
  for (let index = 0; index < 1000; index += 1) {
    const one = batchOf(batch, 1000, index & 255);
    buffers.add(one.bytes.buffer);
    one.sent();
  }
  expect(buffers.size).toBe(1);
});

test("two slabs take turns while one batch is still being sent", () => {
  const batch = new BatchWriter();
  const buffers = new Set<ArrayBufferLike>();
  let last = batchOf(batch, 20_000, 0);
  for (let index = 1; index < 200; index += 1) {
    const next = batchOf(batch, 20_000, index & 255);
    expect(isWhole(last)).toBe(true);
    last.sent();
    buffers.add(next.bytes.buffer);
    last = next;
  }
  expect(buffers.size).toBeLessThanOrEqual(3);
});

test("nothing that waits for the socket is ever written over, whatever the sizes and the order", () => {
  const random = seededRandom(3);
  const batch = new BatchWriter();
  const waiting: ReturnType<typeof batchOf>[] = [];
  for (let index = 0; index < 3000; index += 1) {
    const size = random.next() < 0.05 ? 300_000 : Math.floor(random.next() * 30_000);
    waiting.push(batchOf(batch, size, index & 255));
    const behind = Math.floor(random.next() * 6);
    while (waiting.length > behind) {
      const first = waiting.shift();
      expect(first !== undefined && isWhole(first)).toBe(true);
      first?.sent();
    }
  }
});

test("a frame that outgrows the slab keeps what stood before it", () => {
  const batch = new BatchWriter();
  batch.begin().raw(Buffer.from("before "));
  batch.begin().raw(new Uint8Array(400_000).fill(65));
  const bytes = batch.take();
  expect(bytes.length).toBe(5 + 7 + 400_000);
  expect(bytes.subarray(5, 12).toString()).toBe("before ");
  expect(bytes.subarray(12).every((byte) => byte === 65)).toBe(true);
});
