import { readdir, readFile, readlink } from "node:fs/promises";

/** Who listens on a port. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line, shortened. */
  readonly command: string;
}

/** TCP state LISTEN in /proc/net/tcp. */
const listening = "0A";

/**
 * Finds the process that listens on a TCP port, through /proc. Undefined when nobody does, when the process belongs to
 * another user, or on systems without /proc.
 */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(table, "latin1").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (
        state === listening &&
        local?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, "0")}`) &&
        inode !== undefined
      ) {
        inodes.add(`socket:[${inode}]`);
      }
    }
  }
  if (inodes.size === 0) {
    return undefined;
  }
  const processes = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (inodes.has(target)) {
        const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();
        return { pid: Number(pid), command: command.length > 120 ? `${command.slice(0, 117)}...` : command };
      }
    }
  }
  return undefined;
}
