import type { Redis } from "ioredis";
import { beforeEach, describe, expect, it } from "vitest";
import { RedisScript } from "./redis-script.ts";

/** A connection that notes what is sent on it; the test replies, oldest call first. */
class ScriptedRedis {
  stream = {};
  status = "ready";
  readonly sent: string[] = [];
  readonly #waiting: { name: string; settle: (error?: Error) => void }[] = [];

  readonly eval = (_source: string, _keys: number, name: string) => this.#send(`whole ${name}`, name);
  readonly evalsha = (_digest: string, _keys: number, name: string) => this.#send(`digest ${name}`, name);

  #send(line: string, name: string): Promise<string> {
    this.sent.push(line);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, settle: (error) => (error ? reject(error) : resolve(name)) });
    });
  }

  async reply(...errors: (string | undefined)[]): Promise<void> {
    for (const error of errors) {
      this.#waiting.shift()?.settle(error === undefined ? undefined : new Error(error));
      await new Promise(setImmediate);
    }
  }
}

const done = undefined;
const refused = "NOSCRIPT No matching script. Please use EVAL.";

describe("a script on Redis", () => {
  let redis: ScriptedRedis;
  let script: RedisScript;
  const run = (name: string) => script.run(redis as unknown as Redis, [], [name]);
  beforeEach(() => {
    redis = new ScriptedRedis();
    script = new RedisScript("return ARGV[1]");
  });

  /** A connection on which the server has the script. */
  const known = async () => {
    const first = run("first");
    await redis.reply(done);
    expect(await first).toBe("first");
    redis.sent.length = 0;
  };

  it("goes out in full once, then by its digest", async () => {
    const calls = [run("a"), run("b")];
    await redis.reply(done, done);
    expect(await Promise.all(calls)).toEqual(["a", "b"]);
    expect(redis.sent).toEqual(["whole a", "digest b"]);
  });

  it("goes out in full on a new socket, as soon as it is ready: its server may have started again", async () => {
    await known();
    redis.stream = {};
    redis.status = "connect";
    const outcomes = Promise.allSettled([run("a")]);
    await redis.reply("Stream isn't writeable");
    expect(await outcomes).toMatchObject([{ status: "rejected" }]);
    redis.status = "ready";
    const call = run("b");
    await redis.reply(done);
    expect(await call).toBe("b");
    expect(redis.sent).toEqual(["whole a", "whole b"]);
  });

  it("is not overtaken by later calls when the server has forgotten it", async () => {
    await known();
    const calls = [run("a"), run("b"), run("c")];
    await redis.reply(done, refused);
    calls.push(run("d"));
    expect(redis.sent).toEqual(["digest a", "digest b", "digest c"]);
    await redis.reply(refused);
    expect(redis.sent.slice(3)).toEqual(["whole b", "digest c", "digest d"]);
    calls.push(run("e"));
    await redis.reply(done, done, done, done);
    expect(await Promise.all(calls)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("sends refused calls again when its connection breaks under the others", async () => {
    await known();
    const outcomes = Promise.allSettled([run("a"), run("b")]);
    await redis.reply(refused, "Connection is closed.");
    expect(redis.sent.slice(2)).toEqual(["whole a"]);
    await redis.reply(done);
    const reason = new Error("Connection is closed.");
    expect(await outcomes).toEqual([
      { status: "fulfilled", value: "a" },
      { status: "rejected", reason },
    ]);
  });

  it("gives other errors to their caller, and goes on", async () => {
    await known();
    const outcomes = Promise.allSettled([run("a"), run("b")]);
    await redis.reply("ERR of the script", done);
    expect(await outcomes).toEqual([
      { status: "rejected", reason: new Error("ERR of the script") },
      { status: "fulfilled", value: "b" },
    ]);
    expect(redis.sent).toEqual(["digest a", "digest b"]);
  });
});
