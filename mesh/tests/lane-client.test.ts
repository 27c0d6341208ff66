import { constants, type ServerHttp2Stream } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ListProjectsRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { type UserResponse, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { describe, expect, it } from "vitest";
import { systemClock } from "../src/clock.ts";
import type { MeshError } from "../src/errors.ts";
import { Http2Connection } from "../src/pool/http2-connection.ts";
import { until } from "../src/testing/until.ts";
import { callers, connected, failure, fakePeer, nextTurn, probe } from "./lane-fixture.ts";
import { noCounters, ProbeCall } from "./probe-call.ts";
import { type FakeLane, framed, lanePath } from "./raw-lane.ts";

/*
 * The caller's end of a lane, met by servers that share no code with it and do what ours never would.
 */

const user = (userId: string): Uint8Array => toBinary(UserResponseSchema, create(UserResponseSchema, { userId }));

/** Answers a plain gRPC call. */
function answerPlain(stream: ServerHttp2Stream, message: Uint8Array): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(framed(message));
}

function refuseLane(stream: ServerHttp2Stream): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": String(Code.Unimplemented) },
    { endStream: true },
  );
}

async function lane() {
  const peer = await fakePeer();
  const connection = await connected(peer.port);
  return { peer, connection, lane: peer.lanes[0] as FakeLane };
}

describe("an answer", () => {
  it("to nobody, or to a call that was given up, is ignored", async () => {
    const { lane: server, connection } = await lane();
    const given = probe("given up");
    void given.on(connection);
    const { callId } = await server.call(0);
    connection.cancel(given);
    await until("it is canceled", () => server.canceled.includes(callId));
    const kept = probe("kept");
    const answer = kept.on(connection);
    const { callId: keptId } = await server.call(1);
    expect(keptId).not.toBe(callId);
    server.send({
      answers: [
        { callId: 0 },
        { callId: 4_294_967_295, message: user("nobody") },
        { callId, message: user("late") },
        { callId, message: user("twice") },
        { callId: keptId, message: user("kept") },
        { callId: keptId, message: user("again") },
      ],
    });
    expect(await answer).toMatchObject({ userId: "kept" });
    const next = probe("next");
    const nextAnswer = next.on(connection);
    server.send({ answers: [{ callId: (await server.call(2)).callId, message: user("next") }] });
    expect(await nextAnswer).toMatchObject({ userId: "next" });
    expect([given.ends, kept.ends, next.ends]).toEqual([0, 1, 1]);
  });

  it("that cannot be decoded is a PROTOCOL_ERROR of its call, and the lane goes on", async () => {
    const { lane: server, connection } = await lane();
    const bad = failure<MeshError>(probe().on(connection));
    const good = probe().on(connection);
    server.send({ answers: [{ callId: (await server.call(0)).callId, message: Buffer.from([0xff, 0xff]) }] });
    expect(await bad).toMatchObject({ meshCode: "PROTOCOL_ERROR", sent: true });
    server.send({ answers: [{ callId: (await server.call(1)).callId, message: user("good") }] });
    expect(await good).toMatchObject({ userId: "good" });
    expect(connection.state.kind).toBe("open");
  });

  it("with a code that does not exist is an internal error", async () => {
    const { lane: server, connection } = await lane();
    const error = failure(probe().on(connection));
    server.send({ answers: [{ callId: (await server.call(0)).callId, code: 99, errorMessage: "odd" }] });
    expect((await error).code).toBe(Code.Internal);
  });

  it("may arrive byte by byte", async () => {
    const { lane: server, connection } = await lane();
    const answer = probe().on(connection);
    const { callId } = await server.call(0);
    const bytes = framed(
      Buffer.from([0x12, 2 + 1 + user("u").length + 3, 0x08, ...varint(callId), 0x1a, 3, ...user("u")]),
    );
    bytes[6] = bytes.length - 7;
    for (const byte of bytes) {
      server.stream.write(Buffer.from([byte]));
      await nextTurn();
    }
    expect(await answer).toMatchObject({ userId: "u" });
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

describe("a lane that ends", () => {
  it.each<[how: string, end: (lane: FakeLane) => void]>([
    ["with OK", (server) => server.end()],
    ["with an error", (server) => server.end({ "grpc-status": "13", "grpc-message": "broken" })],
    ["by RST_STREAM", (server) => server.stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ["with its socket", (server) => server.stream.session?.destroy()],
    ["because of bytes that are no batch", (server) => server.stream.write(framed(Buffer.from([0x12, 0x7f])))],
    ["because of a batch of 16 MiB", (server) => server.stream.write(Buffer.from([0, 1, 0, 0, 0]))],
    ["because of a compressed batch", (server) => server.stream.write(framed(Buffer.alloc(1), 1))],
  ])("%s fails the calls in flight as sent, and its connection takes no more", async (_how, end) => {
    const { lane: server, connection } = await lane();
    const pending = failure<MeshError>(probe().on(connection));
    await server.call(0);
    end(server);
    expect(await pending).toMatchObject({ meshCode: "CONNECTION_LOST", sent: true });
    expect(connection.state.kind).not.toBe("open");
    await until("the connection is closed", () => connection.state.kind === "closed");
  });

  it("says with what status the peer ended it", async () => {
    const { lane: server, connection } = await lane();
    const pending = failure<MeshError>(probe().on(connection));
    await server.call(0);
    server.end({ "grpc-status": "3", "grpc-message": "a number is cut off" });
    expect((await pending).message).toContain("ended by the peer with status 3 a number is cut off");
  });

  it("says of calls that were not written yet that they were not sent", async () => {
    const { lane: server, connection } = await lane();
    const sent = probe();
    void sent.on(connection);
    await server.call(0);
    // In one turn: the call stands in a batch that nobody flushes before the lane is gone.
    const unsent = probe();
    void unsent.on(connection);
    connection.destroy("the test says so");
    const errors = await Promise.all([failure<MeshError>(sent.answer), failure<MeshError>(unsent.answer)]);
    expect(errors.map((error) => [error.meshCode, error.sent])).toEqual([
      ["CONNECTION_LOST", true],
      ["CONNECTION_LOST", false],
    ]);
  });

  it("is replaced by the pool, while the other connections go on", async () => {
    const peer = await fakePeer({ onLane: answering });
    const {
      users,
      peer: calling,
      attempts,
    } = await callers([peer.port], {
      peer: { scaler: { minConnections: 2, maxConnections: 2 } },
    });
    await until("both connections are open", () => calling.endpoints[0]?.pool.open === 2);
    peer.lanes[0]?.stream.write(framed(Buffer.from([0x12, 0x7f])));
    await until("it is replaced", () => peer.lanes.length === 3 && calling.endpoints[0]?.pool.open === 2);
    expect((await users.getUserById({ userId: "u" })).userId).toBe("u");
    expect(attempts).toMatchObject({ failed: 0 });
  });
});

/** Answers every call with its own message, whose only field has the same number as the answer's. */
function answering(server: FakeLane): void {
  server.settings();
  let answered = 0;
  server.stream.on("data", () => {
    for (const { callId, message } of server.calls.slice(answered)) {
      answered += 1;
      server.send({ answers: [{ callId, message }] });
    }
  });
}

describe("a peer without lanes", () => {
  it.each<[how: string, refuse: (stream: ServerHttp2Stream) => void]>([
    ["in headers alone", refuseLane],
    [
      "in trailers",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "12" }));
        stream.end();
      },
    ],
    ["with HTTP 404", (stream) => stream.respond({ ":status": 404 }, { endStream: true })],
    ["by resetting the stream", (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ["with silence", () => undefined],
  ])("that says so %s is called by plain gRPC", async (_how, refuse) => {
    const peer = await fakePeer({
      onStream: (stream, path) => {
        if (path === lanePath) {
          refuse(stream);
        } else {
          answerPlain(stream, user("plain"));
        }
        return true;
      },
    });
    let fallbacks = 0;
    const connection = await connected(peer.port, { onFallback: () => (fallbacks += 1) });
    expect(await probe().on(connection)).toMatchObject({ userId: "plain" });
    expect([fallbacks, connection.state.kind]).toEqual([1, "open"]);
  });

  it("that opens its lane late is called over it from then on", async () => {
    const peer = await fakePeer({
      onLane: () => undefined,
      onStream: (stream, path) => {
        if (path !== lanePath) {
          answerPlain(stream, user("plain"));
        }
        return path !== lanePath;
      },
    });
    const connection = await connected(peer.port);
    expect(await probe("laned").on(connection)).toMatchObject({ userId: "plain" });
    answering(peer.lanes[0] as FakeLane);
    await until("a call is answered over the lane", async () => {
      const answer = (await probe("laned").on(connection)) as UserResponse;
      return answer.userId === "laned";
    });
  });

  it("that sends us away before we have said a word fails the dial, and nothing else", async () => {
    const peer = await fakePeer();
    peer.server.on("session", (session) => session.close());

    const connection = new Http2Connection({
      id: 1,
      endpoint: `127.0.0.1:${peer.port}`,
      clock: systemClock,
      laneCounters: noCounters(),
    });
    expect(await failure<MeshError>(connection.opened)).toMatchObject({ meshCode: "CONNECT_FAILED" });
  });
});

describe("a server that allows little", () => {
  it("gets no more calls on the lane than it allows, and the rest on streams of their own", async () => {
    const plain: string[] = [];
    const peer = await fakePeer({
      onLane: (server) => server.settings(2, 20),
      onStream: (stream, path) => {
        if (path !== lanePath) {
          plain.push(path);
          answerPlain(stream, user("plain"));
        }
        return path !== lanePath;
      },
    });
    const connection = await connected(peer.port);
    const calls = [probe("a"), probe("b"), probe("c")];
    const answers = calls.map((call) => call.on(connection));
    expect(await answers[2]).toMatchObject({ userId: "plain" });
    const server = peer.lanes[0] as FakeLane;
    await server.call(1);
    connection.cancel(calls[0] as ProbeCall);
    expect(await probe("x".repeat(30)).on(connection)).toMatchObject({ userId: "plain" });
    expect(await probe("not before the one that was given up is answered").on(connection)).toMatchObject({
      userId: "plain",
    });
    server.send({ answers: [{ callId: (await server.call(0)).callId, code: Code.Canceled }] });
    await until("its place is free", async () => {
      void probe("d").on(connection);
      await nextTurn();
      return server.calls.length === 3;
    });
    expect(plain.length).toBeGreaterThanOrEqual(3);
  });
});

describe("a server that does not read", () => {
  /** A lane that is stuck: its server reads nothing, and more than the socket takes has been written. */
  async function stuck() {
    const peer = await fakePeer({
      onLane: (server) => {
        server.settings();
        server.stream.pause();
      },
      onStream: (stream, path) => {
        if (path !== lanePath) {
          answerPlain(stream, user("plain"));
        }
        return path !== lanePath;
      },
    });
    const connection = await connected(peer.port);
    const written: ProbeCall[] = [];
    for (let index = 0; index < 200; index += 1) {
      const call = probe("x".repeat(40_000));
      void call.on(connection);
      written.push(call);
    }
    return { connection, server: peer.lanes[0] as FakeLane, written };
  }

  const waits = (call: ProbeCall): boolean => call.laneCallId === -1 && call.ends === 0;

  it("makes calls wait as objects, which are sent when it reads again", async () => {
    const { connection, server, written } = await stuck();
    const waiting = written.filter(waits);
    expect(waiting.length).toBeGreaterThan(100);
    server.stream.resume();
    await until("they have all arrived", () => server.calls.length === 200);
    server.send({ answers: server.calls.map(({ callId }) => ({ callId, message: user("u") })) });
    await Promise.all(written.map(({ answer }) => answer));
    expect(connection.state.kind).toBe("open");
  });

  it("holds up no cancellation: a call that waits is never sent", async () => {
    const { connection, server, written } = await stuck();
    const waiting = written.filter(waits);
    for (const call of waiting) {
      connection.cancel(call);
    }
    server.stream.resume();
    await until("the others have arrived", () => server.calls.length === 200 - waiting.length);
    await nextTurn();
    expect(server.canceled).toEqual([]);
    expect(waiting.every(({ ends }) => ends === 0)).toBe(true);
  });

  it("fails a call that waited and turns out not to be encodable, and no other", async () => {
    const { connection, server } = await stuck();
    const bad = new ProbeCall(
      ProjectService.method.listProjects,
      create(ListProjectsRequestSchema, { pageSize: 2 ** 40 }),
    );
    const error = failure<Error>(bad.on(connection));
    const last = probe("last");
    void last.on(connection);
    server.stream.resume();
    expect((await error).message).toMatch(/int32/);
    await until("the last one has arrived", () => server.calls.length === 201);
    expect(bad.ends).toBe(1);
  });

  it("does not keep a connection that drains: what waits goes elsewhere as not sent, and it closes", async () => {
    const { connection, server, written } = await stuck();
    const waiting = written.filter(waits);
    connection.drain("fewer are needed");
    server.stream.resume();
    await until("the others have arrived", () => server.calls.length === 200 - waiting.length);
    server.send({ answers: server.calls.map(({ callId }) => ({ callId, message: user("u") })) });
    await Promise.all(written.map(({ answer }) => answer.catch(() => undefined)));
    await until("the lane is ended", () => server.ended);
    server.end();
    await until("it is closed", () => connection.state.kind === "closed");
  });

  it("does not keep a connection that drains when the last call that waits gives up", async () => {
    const { connection, server, written } = await stuck();
    const waiting = written.filter(waits);
    connection.drain("fewer are needed");
    server.stream.resume();
    for (const call of waiting) {
      connection.cancel(call);
    }
    await until("the others have arrived", () => server.calls.length === 200 - waiting.length);
    server.send({ answers: server.calls.map(({ callId }) => ({ callId, message: user("u") })) });
    await until("the lane is ended", () => server.ended);
    server.end();
    await until("it is closed", () => connection.state.kind === "closed");
  });

  it("does not hold up deadlines", async () => {
    const peer = await fakePeer({
      onLane: (server) => {
        server.settings();
        server.stream.pause();
      },
    });
    const { users, peer: calling } = await callers([peer.port]);
    const calls = Array.from({ length: 80 }, () =>
      failure<ConnectError>(users.getUserById({ userId: "x".repeat(40_000) }, { timeoutMs: 50 })),
    );
    expect(new Set((await Promise.all(calls)).map(({ code }) => code))).toEqual(new Set([Code.DeadlineExceeded]));
    expect(calling.endpoints[0]?.pool.inFlight).toBe(0);
  });
});
