import { create, type Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type ChildCalls, DeadlineWheel } from "@weft/mesh";
import { FakeClock } from "@weft/mesh/testing";
import { GetProjectResponseSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { describe, expect, it } from "vitest";
import { ClientWait, signalledClient } from "../upstream/client-wait.ts";
import { SharedReads } from "./shared-reads.ts";

/** A service that answers by hand. */
function script() {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const reads = new SharedReads(clock);
  const calls: { calls: ChildCalls; resolve(answer: Message): void; reject(error: Error): void }[] = [];
  const kept: Message[] = [];
  const read = ({
    credentials = "alice",
    key = "read",
    signal = new AbortController().signal,
    timeoutMs = 1000,
  } = {}) => {
    const call = (own: ChildCalls): Promise<Message> => {
      const { promise, resolve, reject } = Promise.withResolvers<Message>();
      calls.push({ calls: own, resolve, reject });
      return promise;
    };
    const keep = (answer: Message): void => void kept.push(answer);
    const wait = new ClientWait(wheel, signalledClient(signal), clock.monotonicMs(), timeoutMs);
    const answered = reads.read({ credentials, key, call, keep }, wait).finally(() => wait.end());
    // Some are only begun, and left when the time is over.
    answered.catch(() => undefined);
    return answered;
  };
  return { clock, reads, calls, kept, read };
}

const answer = create(GetProjectResponseSchema);

describe("identical reads", () => {
  it("that are under way are one call, answered to all", async () => {
    const { calls, read, kept } = script();
    const both = [read(), read()];
    calls[0]?.resolve(answer);
    expect(await Promise.all(both)).toEqual([answer, answer]);
    expect(calls.length).toBe(1);
    expect(kept).toEqual([answer]);
  });

  it("fail together, and the next one is made again", async () => {
    const { calls, read } = script();
    const both = Promise.allSettled([read(), read()]);
    calls[0]?.reject(new Error("broken"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = read();
    calls[1]?.resolve(answer);
    expect(await next).toBe(answer);
  });

  it("of different users, methods or messages are calls of their own", () => {
    const { calls, read } = script();
    void read();
    void read({ credentials: "bob" });
    void read({ key: "another" });
    expect(calls.length).toBe(3);
  });

  it("go on for those who stay, and are cancelled when the last has left", async () => {
    const { calls, read } = script();
    const [first, second] = [new AbortController(), new AbortController()];
    const both = [read({ signal: first.signal }), read({ signal: second.signal })].map((each) =>
      each.catch(() => "left"),
    );
    first.abort();
    expect(await both[0]).toBe("left");
    expect(calls[0]?.calls.ended).toBe(false);
    second.abort();
    expect(await both[1]).toBe("left");
    expect(calls[0]?.calls.ended).toBe(true);
    void read();
    expect(calls.length).toBe(2);
  });

  it("are not joined once their user has changed something, nor kept then", async () => {
    const { calls, reads, read, kept } = script();
    const before = read();
    reads.fence("alice");
    const after = read();
    expect(calls.length).toBe(2);
    calls[0]?.resolve(answer);
    await before;
    expect(kept).toEqual([]);
    calls[1]?.resolve(answer);
    await after;
    expect(kept).toEqual([answer]);
  });

  it("are not joined when they are old, or would end before the reader's time", async () => {
    const { clock, calls, read } = script();
    void read({ timeoutMs: 2000 });
    await clock.advance(1000);
    void read({ timeoutMs: 2000 });
    expect(calls.length).toBe(1);
    void read({ timeoutMs: 2001 });
    expect(calls.length).toBe(2);
    await clock.advance(1001);
    void read({ timeoutMs: 2000 });
    expect(calls.length).toBe(3);
  });

  it("leave a reader whose time is over, and the others with the answer", async () => {
    const { clock, calls, read } = script();
    const impatient = read({ timeoutMs: 10 }).catch((error: unknown) => error);
    const patient = read({ timeoutMs: 900 });
    await clock.advance(12);
    expect(await impatient).toMatchObject({ code: Code.Canceled });
    expect(calls[0]?.calls.ended).toBe(false);
    calls[0]?.resolve(answer);
    expect(await patient).toBe(answer);
  });
});
