import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GrpcMessages } from "./grpc-messages.ts";
import { LaneFormatError } from "./wire.ts";

function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

describe("gRPC messages in a stream of bytes", () => {
  it("are found whole, wherever the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const found: string[] = [];
          const stream = new GrpcMessages(1000, (bytes, start, end) => found.push(bytes.toString("hex", start, end)));
          const all = Buffer.concat(messages.map(framed));
          let at = 0;
          for (let turn = 0; at < all.length; turn += 1) {
            const length = cuts[turn % cuts.length] as number;
            stream.push(all.subarray(at, at + length));
            at += length;
          }
          expect(found).toEqual(messages.map((message) => Buffer.from(message).toString("hex")));
          expect(stream.complete).toBe(true);
        },
      ),
    );
  });

  it("are refused when they are larger than allowed, before room is made for them", () => {
    const stream = new GrpcMessages(1000, () => undefined);
    expect(() => stream.push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))).toThrow(LaneFormatError);
  });

  it("are refused when they are compressed", () => {
    const stream = new GrpcMessages(1000, () => undefined);
    expect(() => stream.push(Buffer.from([1, 0, 0, 0, 0]))).toThrow(/compressed/);
  });

  it("are not complete while one is cut off", () => {
    const stream = new GrpcMessages(1000, () => undefined);
    stream.push(Buffer.from([0, 0, 0]));
    expect(stream.complete).toBe(false);
    stream.push(Buffer.from([0, 4, 1]));
    expect(stream.complete).toBe(false);
  });
});
