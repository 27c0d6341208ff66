import { describe, expect, test } from "vitest";
import { addressBytes, bitString, childrenOf, element, integer, objectIdentifier, sequence, time } from "./der.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");

describe("an element", () => {
  test.each([
    [0, "0400"],
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [70_000, "0483011170"],
  ])("of %i bytes has its length in front", (length, head) => {
    expect(hex(element(0x04, Buffer.alloc(length)).subarray(0, head.length / 2))).toBe(head);
  });

  test("gives back what was put into it", () => {
    const parts = [integer(Buffer.from([5])), bitString(Buffer.alloc(200)), sequence()];
    expect(childrenOf(sequence(...parts)).map(hex)).toEqual(parts.map(hex));
  });

  test("that is cut off is refused", () => {
    expect(() => childrenOf(sequence(bitString(Buffer.alloc(200))).subarray(0, 100))).toThrow(RangeError);
    expect(() => childrenOf(Buffer.from([0x30]))).toThrow(RangeError);
  });
});

test.each([
  ["00", "020100"],
  ["7f", "02017f"],
  ["80", "02020080"],
  ["0001", "020101"],
])("the integer %s is written as %s", (bytes, expected) => {
  expect(hex(integer(Buffer.from(bytes, "hex")))).toBe(expected);
});

test.each([
  ["2.5.4.3", "0603550403"],
  ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
])("the identifier %s is written as %s", (text, expected) => {
  expect(hex(objectIdentifier(text))).toBe(expected);
});

test.each([
  [Date.UTC(2026, 1, 3, 4, 5, 6, 789), "170d3236303230333034303530365a"],
  [Date.UTC(2049, 11, 31, 23, 59, 59), "170d3439313233313233353935395a"],
  [Date.UTC(2050, 0, 1), "180f32303530303130313030303030305a"],
])("the instant %i is written as %s", (atMs, expected) => {
  expect(hex(time(atMs))).toBe(expected);
});

test.each([
  ["127.0.0.1", "7f000001"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
  ["fe80:0:0:0:1:2:3:4", "fe800000000000000001000200030004"],
  ["::ffff:10.0.0.7", "00000000000000000000ffff0a000007"],
  ["::", "00000000000000000000000000000000"],
  ["localhost", undefined],
  ["fe80::1%eth0", undefined],
])("the address %s has the bytes %s", (text, expected) => {
  expect(hex(addressBytes(text))).toBe(expected);
});
