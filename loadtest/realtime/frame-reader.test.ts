import { describe, expect, test } from "vitest";
import { clientFrame, FrameReader } from "./frame-reader.ts";

/** A frame as servers send it. */
function serverFrame(payload: string, opcode = 1): Buffer {
  const body = Buffer.from(payload);
  const head =
    body.length < 126
      ? Buffer.from([0x80 | opcode, body.length])
      : body.length < 65_536
        ? Buffer.from([0x80 | opcode, 126, body.length >> 8, body.length & 0xff])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), uint32(body.length)]);
  return Buffer.concat([head, body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function recording() {
  const seen: string[] = [];
  const reader = new FrameReader({
    counted: () => void seen.push("counted"),
    looked: (payload) => void seen.push(payload.toString()),
    pinged: (payload) => void seen.push(`ping ${payload.toString()}`),
    closed: (code, reason) => void seen.push(`closed ${code} ${reason}`),
  });
  return { reader, seen };
}

const long = "x".repeat(300);
const wire = Buffer.concat([
  serverFrame("2"),
  serverFrame(long),
  serverFrame("y".repeat(100)),
  serverFrame("p", 9),
  serverFrame("z".repeat(70_000)),
  serverFrame("\u0003\u00e8".normalize(), 10),
  Buffer.from([0x88, 5, 0x03, 0xf5, 0x62, 0x79, 0x65]),
]);

describe("FrameReader", () => {
  test.each([1, 2, 3, 7, 64, 4096, 100_000])("counts the same frames from pieces of %i bytes", (size) => {
    const { reader, seen } = recording();
    reader.looks = false;
    for (let at = 0; at < wire.length; at += size) {
      // As from a socket: the memory is used again.
      const piece = Buffer.from(wire.subarray(at, at + size));
      reader.read(piece);
      piece.fill(0xff);
    }
    expect(seen).toEqual(["2", "counted", "counted", "ping p", "counted", "closed 1013 bye"]);
  });

  test("hands payloads over while it is asked to look", () => {
    const { reader, seen } = recording();
    reader.read(serverFrame(long));
    reader.looks = false;
    reader.read(serverFrame(long));
    expect(seen).toEqual([long, "counted"]);
  });

  test("refuses what no server of the bench sends", () => {
    expect(() => recording().reader.read(clientFrame("masked"))).toThrow("masked");
    expect(() => recording().reader.read(Buffer.from([0x01, 1, 0x61]))).toThrow("fragmented");
  });
});

test("a client's frame is masked and says its length", () => {
  expect([...clientFrame("hi")]).toEqual([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
  expect([...clientFrame("x".repeat(200)).subarray(0, 4)]).toEqual([0x81, 0xfe, 0, 200]);
});
