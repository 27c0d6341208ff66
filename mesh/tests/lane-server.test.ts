import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, type HandlerContext } from "@connectrpc/connect";
import { OpenRequestSchema } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it } from "vitest";
import { currentCall } from "../src/call-context.ts";
import { until } from "../src/testing/until.ts";
import { traceIdOf } from "../src/trace-context.ts";
import { nextTurn, rawLane, serve } from "./lane-fixture.ts";
import { framed, userCall } from "./raw-lane.ts";

/*
 * The server's end of a lane, met by clients that share no code with it and do what ours never would.
 */

/** Answers with the id that it was asked for; "hang" never, "big" with 20 000 characters, "later" in another turn. */
async function users() {
  const contexts = new Map<string, HandlerContext>();
  let calls = 0;
  const peer = await serve((router) =>
    router.service(UserService, {
      getUserById: async ({ userId }, context) => {
        calls += 1;
        contexts.set(userId, context);
        if (userId.startsWith("hang")) {
          await new Promise(() => undefined);
        }
        if (userId === "later") {
          await nextTurn();
        }
        return { userId, username: userId === "big" ? "x".repeat(20_000) : "" };
      },
    }),
  );
  return { peer, contexts, count: () => calls };
}

const userId = (message: Uint8Array): string => fromBinary(UserResponseSchema, message).userId;

describe("a lane", () => {
  it("begins with what the server allows", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    expect(lane.settings).toMatchObject({ maxInFlight: 4096, maxMessageBytes: 65_536 });
  });

  it("may arrive byte by byte", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    const batch = create(OpenRequestSchema, { calls: [userCall(1, "a"), userCall(2, "b")] });
    for (const byte of framed(toBinary(OpenRequestSchema, batch))) {
      lane.write(Buffer.from([byte]));
      await nextTurn();
    }
    expect(userId((await lane.answer(1)).message)).toBe("a");
    expect(userId((await lane.answer(2)).message)).toBe("b");
  });

  it("that its caller ends is answered to the last call, and then ends with OK", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "later"), userCall(2, "later")] });
    lane.stream.end();
    await until("the lane has ended", () => lane.closed);
    expect([lane.answers.length, lane.status]).toEqual([2, 0]);
  });

  it("that its caller tears takes its calls with it", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "hang")] });
    await until("it has arrived", () => contexts.has("hang"));
    lane.stream.close();
    await until("the handler is told", () => contexts.get("hang")?.signal.aborted);
    await until("it is let go of", () => peer.inFlight === 0);
  });

  it("of a server that drains says so, takes calls all the same, and ends when its caller ends it", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    const drained = peer.drain();
    await until("the notice has come", () => lane.draining);
    await until("GOAWAY has come", () => lane.goaway);
    lane.send({ calls: [userCall(1, "a")] });
    expect((await lane.answer(1)).code).toBe(0);
    lane.stream.end();
    await drained;
    await until("it has ended", () => lane.closed);
    expect(lane.status).toBe(0);
  });
});

describe("a call on a lane", () => {
  it("of a method that is not served was not processed", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    lane.send({
      calls: [userCall(1, "a", { method: "no.Such/Method" }), userCall(2, "a", { method: "", methodId: 9 })],
    });
    for (const callId of [1, 2]) {
      expect(await lane.answer(callId)).toMatchObject({ code: Code.Unimplemented, unprocessed: true });
    }
    lane.send({ calls: [userCall(3, "a")] });
    expect((await lane.answer(3)).code).toBe(0);
  });

  it("names its method once, and may give the number to another", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "a"), userCall(2, "b", { method: "" })] });
    expect((await lane.answer(2)).code).toBe(0);
    lane.send({ calls: [userCall(3, "a", { method: "no.Such/Method" }), userCall(4, "b", { method: "" })] });
    expect((await lane.answer(4)).code).toBe(Code.Unimplemented);
  });

  it("beyond the limit is refused unprocessed, and those within are worked on", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: Array.from({ length: 4100 }, (_, index) => userCall(index + 1, `hang${index}`)) });
    await until("the last is refused", () => lane.answers.length === 4);
    for (const answer of lane.answers) {
      expect(answer).toMatchObject({ code: Code.ResourceExhausted, unprocessed: true });
    }
    expect([contexts.size, peer.inFlight]).toEqual([4096, 4096]);
    lane.send({ canceledCallIds: [1] });
    await lane.answer(1);
    lane.send({ calls: [userCall(5000, "a")] });
    expect((await lane.answer(5000)).code).toBe(0);
  });

  it("with a message beyond the limit is refused unprocessed", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "x".repeat(70_000))] });
    expect(await lane.answer(1)).toMatchObject({ code: Code.ResourceExhausted, unprocessed: true });
    expect(contexts.size).toBe(0);
  });

  it("with a message that cannot be decoded, or breaks its rules, fails alone", async () => {
    const { peer } = await users();
    const lane = await rawLane(peer.port);
    lane.send({
      calls: [userCall(1, "a", { message: Buffer.from([0xff, 0xff]) }), userCall(2, ""), userCall(3, "a")],
    });
    expect((await lane.answer(1)).code).toBe(Code.InvalidArgument);
    expect((await lane.answer(2)).code).toBe(Code.InvalidArgument);
    expect((await lane.answer(3)).code).toBe(0);
  });

  it("is canceled once, whatever is said about it later", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(7, "hang")], canceledCallIds: [7, 7, 99] });
    expect((await lane.answer(7)).code).toBe(Code.Canceled);
    expect(contexts.get("hang")?.signal.aborted).toBe(true);
    lane.send({ canceledCallIds: [7, 0, 4_294_967_295] });
    lane.send({ calls: [userCall(8, "a")] });
    expect((await lane.answer(8)).code).toBe(0);
    expect(lane.answers.filter(({ callId }) => callId === 7)).toHaveLength(1);
  });

  it("ends at its deadline even if its caller says nothing more", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "hang", { timeoutMs: 20 })] });
    expect((await lane.answer(1)).code).toBe(Code.DeadlineExceeded);
    expect(contexts.get("hang")?.signal.reason).toMatchObject({ code: Code.DeadlineExceeded });
    expect(contexts.get("hang")?.timeoutMs()).toBe(0);
    expect(peer.inFlight).toBe(0);
  });

  it("without a trace, or with one of zeros, begins one", async () => {
    const traces: string[] = [];
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: (_request, context) => {
          const trace = currentCall()?.trace;
          traces.push(trace === undefined ? "" : traceIdOf(trace));
          expect(context.requestHeader.get("traceparent")).toContain(traces.at(-1));
          return {};
        },
      }),
    );
    const lane = await rawLane(peer.port);
    const given = Buffer.alloc(25, 0xab);
    lane.send({
      calls: [
        userCall(1, "a"),
        userCall(2, "a", { traceContext: Buffer.alloc(25) }),
        userCall(3, "a", { traceContext: Buffer.alloc(7, 1) }),
        userCall(4, "a", { traceContext: given }),
      ],
    });
    await lane.answer(4);
    expect(traces[3]).toBe("ab".repeat(16));
    expect(new Set(traces).size).toBe(4);
    expect(traces).not.toContain("0".repeat(32));
  });

  it("may carry metadata in any of the ways that the schema knows", async () => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    const long = "v".repeat(9000);
    lane.send({
      calls: [
        userCall(1, "a", {
          metadata: [
            { entryId: 1, name: "tenant", value: "blue" },
            { name: "twice", value: "1" },
            { name: "twice", value: "2" },
            { name: "bad name", value: "x" },
            { name: "bad-value", value: "a\u0000b" },
            { name: "long", value: long },
            { name: "content-type", value: "text/html" },
          ],
        }),
        userCall(2, "b", { metadata: [{ entryId: 1 }] }),
      ],
    });
    await lane.answer(2);
    const header = contexts.get("a")?.requestHeader;
    expect(header?.get("tenant")).toBe("blue");
    expect(header?.get("twice")).toBe("1, 2");
    expect(header?.get("long")).toBe(long);
    expect(header?.get("content-type")).toBe("application/grpc+proto");
    expect(contexts.get("b")?.requestHeader.get("tenant")).toBe("blue");
  });
});

describe("a malformed batch", () => {
  it.each<[what: string, bytes: Buffer]>([
    ["a length beyond its frame", framed(Buffer.from([0x0a, 0x7f, 0x08]))],
    ["a number that is cut off", framed(Buffer.from([0x0a, 0x02, 0x08, 0xff]))],
    ["a wire type that does not exist", framed(Buffer.from([0x0f]))],
    ["a compressed message", framed(Buffer.from([0x00]), 1)],
    ["a message of 16 MiB", Buffer.from([0, 1, 0, 0, 0])],
    [
      "metadata of a number that was never given",
      framed(
        toBinary(
          OpenRequestSchema,
          create(OpenRequestSchema, { calls: [userCall(1, "a", { metadata: [{ entryId: 5 }] })] }),
        ),
      ),
    ],
    [
      "a metadata number that cannot be",
      framed(
        toBinary(
          OpenRequestSchema,
          create(OpenRequestSchema, { calls: [userCall(1, "a", { metadata: [{ entryId: 65, name: "a" }] })] }),
        ),
      ),
    ],
    [
      "a method number beyond 65535",
      framed(
        toBinary(OpenRequestSchema, create(OpenRequestSchema, { calls: [userCall(1, "a", { methodId: 65_536 })] })),
      ),
    ],
    [
      "more cancellations than there can be calls",
      framed(
        toBinary(
          OpenRequestSchema,
          create(OpenRequestSchema, { canceledCallIds: Array.from({ length: 10_000 }, (_, index) => index + 2) }),
        ),
      ),
    ],
    [
      "more calls than a caller may ever have in flight, many times over",
      framed(Buffer.from(Array.from({ length: 20_000 }, () => [0x0a, 0x00]).flat())),
    ],
  ])("with %s ends its lane with INVALID_ARGUMENT, and nothing else", async (_what, bytes) => {
    const { peer, contexts } = await users();
    const lane = await rawLane(peer.port);
    const other = await rawLane(peer.port);
    lane.send({ calls: [userCall(1, "hang")] });
    await until("a call has arrived before", () => contexts.has("hang"));
    lane.write(bytes);
    await until("the lane has ended", () => lane.closed);
    expect([lane.status, lane.session.destroyed]).toEqual([Code.InvalidArgument, false]);
    expect(lane.statusMessage).not.toBe("");
    expect(contexts.get("hang")?.signal.aborted).toBe(true);
    other.send({ calls: [userCall(2, "a")] });
    expect((await other.answer(2)).code).toBe(0);
    expect(peer.inFlight).toBe(0);
    expect((await peer.metrics.render()).text).toContain('weft_lane_errors_total{reason="malformed"} 1');
  });
});

describe("a caller that does not read", () => {
  it("is not read from either, so that little waits for it", async () => {
    const { peer, count } = await users();
    const lane = await rawLane(peer.port);
    lane.stream.pause();
    for (let batch = 0; batch < 40; batch += 1) {
      lane.send({ calls: Array.from({ length: 100 }, (_, index) => userCall(batch * 100 + index + 1, "big")) });
      await nextTurn();
    }
    let seen = 0;
    let looks = 0;
    await until("the server takes no more", () => {
      looks = seen > 0 && seen === count() ? looks + 1 : 0;
      seen = count();
      return looks === 10;
    });
    expect(seen).toBeLessThan(1000);
    expect(peer.inFlight).toBe(0);
    lane.stream.resume();
    await until("everything is answered", () => lane.answers.length === 4000);
  });
});
