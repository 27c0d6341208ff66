import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { createBreachedPasswords, encodePasswords } from "./breached-passwords.ts";

describe("breached passwords", () => {
  test("a list knows every password that it was made from, in any case", () => {
    const made = Array.from({ length: 5000 }, (_, index) => `password ${index}`);
    const list = createBreachedPasswords(encodePasswords(made));
    expect(made.every((password) => list.has(password) && list.has(password.toUpperCase()))).toBe(true);
    expect(made.filter((password) => list.has(`not ${password}`))).toEqual([]);
    expect(createBreachedPasswords(encodePasswords([])).has("anything")).toBe(false);
  });

  test("a damaged list is refused", () => {
    const file = encodePasswords(["one", "two"]);
    expect(() => createBreachedPasswords(Uint8Array.of(...file, 0x80))).toThrow("damaged");
    expect(() => createBreachedPasswords(Uint8Array.of(...file, 0xff, 0xff, 0xff, 0xff, 0x7f))).toThrow("damaged");
  });

  test("ASVS 6.2.12: ours holds a hundred thousand, and hardly a good password by mistake", async () => {
    const file = await readFile(new URL("../../data/breached-passwords.bin", import.meta.url));
    expect(file.length).toBeLessThan(300_000);
    const list = createBreachedPasswords(file);
    expect(["12345678", "password", "qwertyuiop", "sunshine", "princess", "starwars"].every(list.has)).toBe(true);
    const mistakes = Array.from({ length: 100_000 }, (_, index) => `a long one, number ${index}`).filter(list.has);
    // 2.3 are to be expected.
    expect(mistakes.length).toBeLessThan(12);
  });
});
