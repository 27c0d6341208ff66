import { readFile, rename, writeFile } from "node:fs/promises";
import { Redis } from "ioredis";

/*
 * What js-redis-server lacks: its data over a clean stop. A snapshot is the list of commands that make the data again,
 * one JSON array of base64 arguments per line, like a freshly rewritten append-only file. Expiry times are absolute, so
 * that time passes for keys while nothing runs. Consumer groups come back with their position and their pending entries,
 * these with a fresh delivery time. Only database 0 is kept. A kill loses what came after the last clean stop.
 */

type Command = (string | Buffer | number)[];

/** Writes all keys of the server on this port to a file. */
export async function saveSnapshot(port: number, path: string): Promise<void> {
  await withClient(port, async (redis) => {
    const lines: string[] = [];
    let cursor = "0";
    do {
      const [next, keys] = (await redis.callBuffer("SCAN", cursor, "COUNT", "1000")) as [Buffer, Buffer[]];
      cursor = next.toString();
      for (const key of keys) {
        const commands = await commandsFor(redis, key);
        lines.push(
          ...commands.map((command) => JSON.stringify(command.map((part) => bytesOf(part).toString("base64")))),
        );
      }
    } while (cursor !== "0");
    await writeFile(`${path}.new`, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    await rename(`${path}.new`, path);
  });
}

/** Makes the data of a snapshot again. Without a file there is nothing to do; one that cannot be read throws. */
export async function loadSnapshot(port: number, path: string): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (text === "") {
    return;
  }
  await withClient(port, async (redis) => {
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const [name, ...args] = (JSON.parse(line) as string[]).map((part) => Buffer.from(part, "base64"));
      await redis.call(name?.toString() ?? "", ...args);
    }
  });
}

async function commandsFor(redis: Redis, key: Buffer): Promise<Command[]> {
  const type = String(await redis.type(key));
  const read = async (...command: [string, ...string[]]) => {
    const [name, ...args] = command;
    return (await redis.callBuffer(name, key, ...args)) as Buffer[];
  };
  const commands: Command[] = [];
  const add = (name: string, parts: Command) => {
    if (parts.length > 0) {
      commands.push([name, key, ...parts]);
    }
  };
  switch (type) {
    case "string":
      add("SET", [(await redis.getBuffer(key)) ?? ""]);
      break;
    case "hash":
      add("HSET", await read("HGETALL"));
      break;
    case "list":
      add("RPUSH", await read("LRANGE", "0", "-1"));
      break;
    case "set":
      add("SADD", await read("SMEMBERS"));
      break;
    case "zset": {
      const members = await read("ZRANGE", "0", "-1", "WITHSCORES");
      add(
        "ZADD",
        members.map((_, index) => members[index ^ 1] ?? ""),
      );
      break;
    }
    case "stream":
      for (const [id, fields] of (await read("XRANGE", "-", "+")) as unknown as [Buffer, Buffer[]][]) {
        add("XADD", [id, ...fields]);
      }
      for (const group of (await redis.call("XINFO", "GROUPS", key)) as string[][]) {
        const field = (name: string) => String(group[group.indexOf(name) + 1]);
        commands.push(["XGROUP", "CREATE", key, field("name"), field("last-delivered-id"), "MKSTREAM"]);
        const pending = (await redis.call("XPENDING", key, field("name"), "-", "+", "100000")) as [string, string][];
        for (const [id, consumer] of pending) {
          commands.push(["XCLAIM", key, field("name"), consumer, "0", id, "FORCE", "JUSTID"]);
        }
      }
      break;
    default:
      console.error(`the key ${key.toString()} of type ${type} is not kept`);
  }
  const ttlMs = await redis.pttl(key);
  if (ttlMs > 0 && commands.length > 0) {
    commands.push(["PEXPIREAT", key, Date.now() + ttlMs]);
  }
  return commands;
}

function bytesOf(part: string | Buffer | number): Buffer {
  return Buffer.isBuffer(part) ? part : Buffer.from(String(part));
}

async function withClient(port: number, use: (redis: Redis) => Promise<void>): Promise<void> {
  // RESP2: replies are flat lists, as the commands above take them apart.
  const redis = new Redis(port, "127.0.0.1", {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    protocol: 2,
  });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    await use(redis);
  } finally {
    redis.disconnect();
  }
}
