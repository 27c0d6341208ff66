import { describe, expect, it } from "vitest";
import { jsonFormat } from "./json-format.ts";

/** A frame in the simulator's layout, of "s1", with one component and two columns behind a header of 120 bytes. */
function binaryFrame(skipped: number): Uint8Array<ArrayBuffer> {
  const namesAt = 120 + 4 * 2;
  const bytes = new Uint8Array(namesAt + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("WEFT"), 0);
  bytes[4] = 1;
  view.setUint16(6, 120, true);
  view.setUint32(100, skipped, true);
  view.setUint16(104, 1, true);
  view.setUint16(106, 2, true);
  view.setUint16(namesAt, 2, true);
  bytes.set(new TextEncoder().encode("s1"), namesAt + 2);
  return bytes;
}

describe("a binary message in the JSON form", () => {
  it("is the frame of the simulation that it names, as it is", () => {
    const bytes = binaryFrame(3);
    const push = { kind: "push", channel: "simulation:s1", skipped: 3, data: bytes };
    expect(jsonFormat.decode(bytes.buffer)).toMatchObject(push);
  });

  it.each([
    ["of another version", binaryFrame(0).fill(2, 4, 5)],
    ["without the magic bytes", binaryFrame(0).fill(0, 0, 1)],
    ["that ends before its names", binaryFrame(0).slice(0, 121)],
    ["that is too short for a header", binaryFrame(0).slice(0, 20)],
    ["that is empty", new Uint8Array(0)],
  ])("%s is none", (_what, bytes) => {
    expect(jsonFormat.decode(bytes.buffer)).toBe(undefined);
  });
});

it("text that is no frame is none", () => {
  for (const text of ["", "{", "null", "5", "[]", '{"push":5}', '{"notice":{}}', '{"presence":{"channel":5}}', "{}"]) {
    expect(jsonFormat.decode(text)).toBe(undefined);
  }
});
