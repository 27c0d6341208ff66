import { describe, expect, test } from "vitest";
import { createKeySealing } from "./key-sealing.ts";

describe("createKeySealing", () => {
  const sealing = createKeySealing("a secret of the operator");

  test("opens what it sealed, and seals the same text differently each time", () => {
    const first = sealing.seal("key-1", "private");
    expect(sealing.open("key-1", first)).toBe("private");
    expect(Buffer.from(first)).not.toEqual(Buffer.from(sealing.seal("key-1", "private")));
  });

  test("says so when the secret is another one", () => {
    const sealed = sealing.seal("key-1", "private");
    expect(() => createKeySealing("another secret").open("key-1", sealed)).toThrow(/key-1 cannot be opened/);
  });

  test("refuses bytes that were changed, cut, or moved to another key's row", () => {
    const sealed = Buffer.from(sealing.seal("key-1", "private"));
    const changed = Buffer.from(sealed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(() => sealing.open("key-1", changed)).toThrow(/cannot be opened/);
    expect(() => sealing.open("key-2", sealed)).toThrow(/cannot be opened/);
    expect(() => sealing.open("key-1", sealed.subarray(0, 20))).toThrow(/unknown form/);
  });
});
