import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** Opens a store's log for appending; one larger than 5 MB is set aside as `<name>.1` first. */
export function openStoreLog(path: string): { fd: number; startsAt: number; close(): void } {
  mkdirSync(dirname(path), { recursive: true });
  const size = sizeOf(path);
  if (size > 5_000_000) {
    renameSync(path, `${path}.1`);
  }
  const fd = openSync(path, "a", 0o600);
  return { fd, startsAt: size > 5_000_000 ? 0 : size, close: () => closeSync(fd) };
}

/** The text of a file from a position on, at most its last 64 kB; empty when there is no file. */
export async function readLogFrom(path: string, position: number): Promise<string> {
  const size = sizeOf(path);
  const from = Math.max(position, size - 65_536);
  if (size <= from) {
    return "";
  }
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The last lines of a text, indented for an error message. */
export function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .map((line) => `    ${line}`)
    .join("\n");
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
