import { beforeEach, describe, expect, it } from "vitest";
import { SendingTurn, UwsConnection } from "./uws-socket.ts";

/** What the server was told, in order. */
let told: string[];
let buffered: number;

beforeEach(() => {
  told = [];
  buffered = 0;
});

function connection(turn: SendingTurn, name = ""): UwsConnection {
  const ws = {
    send: (frame: string | Uint8Array, isBinary: boolean) => {
      told.push(`${name}${isBinary ? "binary " : ""}${Buffer.from(frame as string)}`);
    },
    cork: (run: () => void) => {
      told.push(`${name}cork`);
      run();
      told.push(`${name}uncork`);
    },
    getBufferedAmount: () => buffered,
    end: (code: number, reason: string) => {
      told.push(`${name}end ${code} ${reason}`);
    },
  };
  return new UwsConnection(ws as never, turn);
}

const turnEnd = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("UwsConnection", () => {
  it("sends what is alone in its turn at the end of that, by itself", async () => {
    const one = connection(new SendingTurn());
    one.send("hello");
    expect(told).toEqual([]);
    await turnEnd();
    expect(told).toEqual(["hello"]);
  });

  it("sends the frames of a turn in order and in one system call for each client", async () => {
    const turn = new SendingTurn();
    const [a, b] = [connection(turn, "a: "), connection(turn, "b: ")];
    for (const text of ["1", "2", "3"]) {
      a.send(text);
      b.send(Buffer.from(text), "binary");
    }
    await turnEnd();
    a.send("4");
    await turnEnd();
    expect(told).toEqual([
      ...["a: cork", "a: 1", "a: 2", "a: 3", "a: uncork"],
      ...["b: cork", "b: binary 1", "b: binary 2", "b: binary 3", "b: uncork"],
      "a: 4",
    ]);
  });

  it("counts the bytes that wait for the end of the turn with those that the client has not taken", async () => {
    const one = connection(new SendingTurn());
    buffered = 100;
    one.send("é");
    one.send(new Uint8Array(10));
    expect(one.bufferedBytes).toBe(112);
    await turnEnd();
    expect(one.bufferedBytes).toBe(100);
  });

  it("hands much over before the turn ends, so that a quick reader is not taken for a slow one", () => {
    const one = connection(new SendingTurn());
    one.send("first");
    one.send(new Uint8Array(100_000), "binary");
    expect(told.map((line) => line.slice(0, 6))).toEqual(["cork", "first", "binary", "uncork"]);
    expect(one.bufferedBytes).toBe(0);
  });

  it("sends what waits before it says goodbye", async () => {
    const one = connection(new SendingTurn());
    one.send("last words");
    one.close(1013, "slow_consumer");
    await turnEnd();
    expect(told).toEqual(["last words", "end 1013 slow_consumer"]);
  });

  it("does not touch the server's socket once that is closed", async () => {
    const one = connection(new SendingTurn());
    one.send("too late");
    one.closed(1006);
    one.send("later");
    one.close(1000, "");
    await turnEnd();
    expect(told).toEqual([]);
    expect(one.closeCode).toBe(1006);
    expect(one.bufferedBytes).toBe(0);
  });
});
