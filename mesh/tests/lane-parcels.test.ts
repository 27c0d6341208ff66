import { constants, type ServerHttp2Stream } from "node:http2";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { FetchRequestSchema, FetchResponseSchema, LaneService } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { ExportProjectResponseSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it } from "vitest";
import type { MeshError } from "../src/errors.ts";
import { parcelKeepMs, parcelMaxBytes } from "../src/lane/lane-limits.ts";
import { Parcels } from "../src/lane/parcels.ts";
import { grpcUnary, maxAnswerBytes } from "../src/pool/grpc-unary.ts";
import { seededRandom } from "../src/random.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { until } from "../src/testing/until.ts";
import { callers, connected, failure, fakePeer, probe, rawLane, serve } from "./lane-fixture.ts";
import { ProbeCall } from "./probe-call.ts";
import { type FakeLane, framed, lanePath } from "./raw-lane.ts";

/*
 * Messages that are too large for a lane: requests take a stream of their own, answers wait to be fetched.
 */

/** A peer that exports and imports projects of any size. */
async function projects(size: () => number = () => 0) {
  const seen: { content: number; correlation: string | null; tenant: string | null }[] = [];
  let inside: () => void = () => undefined;
  const peer = await serve((router) => {
    router.service(ProjectService, {
      exportProject: (_request, { responseHeader, responseTrailer }) => {
        responseHeader.set("x-region", "north");
        responseTrailer.set("x-cost", "3");
        inside();
        return { content: "x".repeat(size()) };
      },
      importProject: ({ content, name }, { requestHeader }) => {
        seen.push({
          content: content.length,
          correlation: requestHeader.get("x-correlation-id"),
          tenant: requestHeader.get("tenant"),
        });
        return { project: { name } };
      },
    });
    router.service(UserService, { getUserById: ({ userId }) => ({ userId }) });
  });
  return { peer, seen, onExport: (work: () => void) => (inside = work) };
}

const exportProject = (): ProbeCall =>
  new ProbeCall(
    ProjectService.method.exportProject,
    create(ProjectService.method.exportProject.input, { id: "p", format: "WEFT" }),
  );

describe("a request of more than 64 KiB", () => {
  it("takes a stream of its own, with everything that a frame would carry", async () => {
    const { peer, seen } = await projects();
    const { projects: client, fallbacks, users } = await callers([peer.port]);
    const content = "ä".repeat(50_000);
    const calls = [
      client.importProject(
        { name: "large", format: "WEFT", content },
        { headers: { tenant: "blue", "x-correlation-id": "c-1" }, timeoutMs: 5000 },
      ),
      users.getUserById({ userId: "small" }),
    ];
    expect(await Promise.all(calls)).toMatchObject([{ project: { name: "large" } }, { userId: "small" }]);
    expect(seen).toEqual([{ content: 50_000, correlation: "c-1", tenant: "blue" }]);
    expect(fallbacks()).toBe(0);
  });

  it("at the limit and just beyond it arrives as it is", async () => {
    const { peer, seen } = await projects();
    const { projects: client } = await callers([peer.port]);
    const overhead = toBinary(
      ProjectService.method.importProject.input,
      create(ProjectService.method.importProject.input, { name: "n", format: "WEFT", content: "x".repeat(60_000) }),
    ).length;
    for (const beyond of [-1, 0, 1]) {
      const length = 65_536 - (overhead - 60_000) + beyond;
      await client.importProject({ name: "n", format: "WEFT", content: "x".repeat(length) });
      expect(seen.at(-1)?.content).toBe(length);
    }
  });

  it("is canceled on the wire", async () => {
    let signal: AbortSignal | undefined;
    const peer = await serve((router) =>
      router.service(ProjectService, {
        importProject: (_request, context) => {
          signal = context.signal;
          return new Promise(() => undefined);
        },
      }),
    );
    const { projects: client } = await callers([peer.port]);
    const leaving = new AbortController();
    const pending = failure(
      client.importProject({ name: "n", format: "WEFT", content: "x".repeat(100_000) }, { signal: leaving.signal }),
    );
    await until("it has arrived", () => signal);
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    await until("the handler is told", () => signal?.aborted);
    expect(peer.inFlight).toBe(0);
  });
});

describe("an answer of more than 64 KiB", () => {
  it.each([65_000, 65_529, 65_530, 65_537, 70_000, 1_000_000, 9_000_000])(
    "of %i characters arrives, with its headers and trailers",
    async (size) => {
      const { peer } = await projects(() => size);
      const { projects: client, fallbacks } = await callers([peer.port]);
      let header: Headers | undefined;
      let trailer: Headers | undefined;
      const answer = await client.exportProject(
        { id: "p", format: "WEFT" },
        { onHeader: (given) => (header = given), onTrailer: (given) => (trailer = given) },
      );
      expect(answer.content.length).toBe(size);
      expect([header?.get("x-region"), trailer?.get("x-cost")]).toEqual(["north", "3"]);
      expect(fallbacks()).toBe(0);
    },
  );

  it("does not hold up the small ones", async () => {
    const { peer } = await projects(() => 1_000_000);
    const connection = await connected(peer.port);
    const answers = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? exportProject().on(connection) : probe(`u${index}`).on(connection),
    );
    for (const [index, answer] of (await Promise.all(answers)).entries()) {
      expect(answer).toMatchObject(index % 2 === 0 ? { fileName: "" } : { userId: `u${index}` });
    }
  });

  it("is fetched once, by who was told its number", async () => {
    const { peer } = await projects(() => 100_000);
    const lane = await rawLane(peer.port);
    lane.send({
      calls: [
        {
          callId: 1,
          methodId: 1,
          method: "weft.project.v1.ProjectService/ExportProject",
          message: toBinary(ProjectService.method.exportProject.input, exportProject().message as never),
        },
      ],
    });
    const { parcelId, message, code } = await lane.answer(1);
    expect([code, message.length]).toEqual([0, 0]);
    const fetch = (id: bigint) =>
      grpcUnary(lane.session, "127.0.0.1", {
        method: LaneService.method.fetch,
        header: new Headers(),
        message: create(FetchRequestSchema, { parcelId: id }),
        timeoutMs: undefined,
        signal: undefined,
      });
    await expect(fetch(parcelId + 1n)).rejects.toMatchObject({ code: Code.NotFound });
    expect(((await fetch(parcelId)).message as unknown as { message: Uint8Array }).message.length).toBe(100_003 + 1);
    await expect(fetch(parcelId)).rejects.toMatchObject({ code: Code.NotFound });
  });

  it("travels on the lane itself while the server drains, since nothing can be fetched then", async () => {
    const { peer, onExport } = await projects(() => 500_000);
    const connection = await connected(peer.port);
    let drained: Promise<void> | undefined;
    onExport(() => (drained = peer.drain()));
    expect(await exportProject().on(connection)).toMatchObject({ format: "" });
    await drained;
  });

  it("is fetched on a connection that drains meanwhile", async () => {
    const { peer, onExport } = await projects(() => 500_000);
    const connection = await connected(peer.port);
    onExport(() => connection.drain("fewer are needed"));
    expect(((await exportProject().on(connection)) as unknown as { content: string }).content.length).toBe(500_000);
    await until("it is closed", () => connection.state.kind === "closed");
  });
});

describe("an answer that cannot be fetched", () => {
  async function withParcel(onFetch: (stream: ServerHttp2Stream) => void) {
    const peer = await fakePeer({
      onStream: (stream, path) => {
        if (path !== lanePath) {
          onFetch(stream);
        }
        return path !== lanePath;
      },
    });
    const connection = await connected(peer.port);
    const pending = probe().on(connection);
    const server = peer.lanes[0] as FakeLane;
    server.send({ answers: [{ callId: (await server.call(0)).callId, parcelId: 7n }] });
    return { pending, connection };
  }

  const respond = (stream: ServerHttp2Stream, body: Uint8Array, headers: Record<string, string> = {}): void => {
    stream.respond({ ":status": 200, "content-type": "application/grpc", ...headers }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(body);
  };

  it.each<[what: string, meshCode: string, onFetch: (stream: ServerHttp2Stream) => void]>([
    [
      "because it is there no longer",
      "CONNECTION_LOST",
      (stream) => stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true }),
    ],
    ["because it is refused", "CALL_REFUSED", (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ["because the connection ends", "CONNECTION_LOST", (stream) => stream.session?.destroy()],
    [
      "because it is no such message",
      "PROTOCOL_ERROR",
      (stream) =>
        respond(
          stream,
          framed(toBinary(FetchResponseSchema, create(FetchResponseSchema, { message: Buffer.from([0xff]) }))),
        ),
    ],
  ])("%s is a failure of a call that has been processed", async (_what, meshCode, onFetch) => {
    const { pending } = await withParcel(onFetch);
    expect(await failure<MeshError>(pending)).toMatchObject({ meshCode, sent: true });
  });

  it("fails at its deadline, and the fetch is given up", async () => {
    let fetch: ServerHttp2Stream | undefined;
    const peer = await fakePeer({
      onLane: (server) => {
        server.settings();
        server.stream.on("data", () => {
          server.send({ answers: server.calls.map(({ callId }) => ({ callId, parcelId: 7n })) });
        });
      },
      onStream: (stream, path) => {
        if (path !== lanePath) {
          fetch = stream;
        }
        return path !== lanePath;
      },
    });
    const { users } = await callers([peer.port]);
    const error = await failure(users.getUserById({ userId: "u" }, { timeoutMs: 50 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await until("the fetch is reset", () => fetch?.closed);
    expect(fetch?.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  it("may come compressed, but not without end", async () => {
    const good = gzipSync(
      toBinary(
        FetchResponseSchema,
        create(FetchResponseSchema, {
          message: toBinary(UserResponseSchema, create(UserResponseSchema, { userId: "u".repeat(100_000) })),
        }),
      ),
    );
    const { pending } = await withParcel((stream) => respond(stream, framed(good, 1), { "grpc-encoding": "gzip" }));
    expect(((await pending) as unknown as { userId: string }).userId.length).toBe(100_000);
    const bomb = gzipSync(Buffer.alloc(maxAnswerBytes + 100));
    const bombed = await withParcel((stream) => respond(stream, framed(bomb, 1), { "grpc-encoding": "gzip" }));
    expect(await failure<MeshError>(bombed.pending)).toMatchObject({ meshCode: "MESSAGE_TOO_LARGE", sent: true });
    const broken = await withParcel((stream) =>
      respond(stream, framed(Buffer.from("no gzip"), 1), { "grpc-encoding": "gzip" }),
    );
    expect(await failure<MeshError>(broken.pending)).toMatchObject({ meshCode: "PROTOCOL_ERROR", sent: true });
  });
});

describe("parcels", () => {
  it("are bounded together, and forgotten after a minute", async () => {
    const clock = new FakeClock();
    const parcels = new Parcels(clock, seededRandom(1));
    const half = Buffer.alloc(parcelMaxBytes / 2);
    const first = parcels.keep(half) as bigint;
    expect(parcels.keep(half)).toBeDefined();
    expect(parcels.keep(Buffer.alloc(1))).toBeUndefined();
    expect(parcels.take(first)).toBe(half);
    expect(parcels.take(first)).toBeUndefined();
    const last = parcels.keep(Buffer.alloc(1)) as bigint;
    await clock.advance(parcelKeepMs);
    expect(parcels.take(last)).toBeUndefined();
    expect(parcels.size).toBe(0);
  });

  it("without room fail their calls with RESOURCE_EXHAUSTED, and leave the lane as it is", async () => {
    let size = 8_000_000;
    const { peer } = await projects(() => size);
    const lane = await rawLane(peer.port);
    const message = toBinary(ProjectService.method.exportProject.input, exportProject().message as never);
    const method = "weft.project.v1.ProjectService/ExportProject";
    // Nobody fetches what is kept.
    lane.send({
      calls: Array.from({ length: 9 }, (_, index) => ({ callId: index + 1, methodId: 1, method, message })),
    });
    const codes = [];
    for (let callId = 1; callId <= 9; callId += 1) {
      codes.push((await lane.answer(callId)).code);
    }
    expect(codes).toEqual([...Array(8).fill(0), Code.ResourceExhausted]);
    size = 10;
    lane.send({ calls: [{ callId: 20, methodId: 1, message }] });
    expect((await lane.answer(20)).message.length).toBe(12);
  });
});

describe("a stream of its own", () => {
  it("brings large answers compressed to whoever accepts that, and small ones as they are", async () => {
    const { peer } = await projects(() => 200_000);
    const lane = await rawLane(peer.port);
    const body = framed(toBinary(ProjectService.method.exportProject.input, exportProject().message as never));
    for (const accepts of ["identity,deflate, gzip", undefined]) {
      const stream = lane.session.request({
        ":method": "POST",
        ":path": "/weft.project.v1.ProjectService/ExportProject",
        "content-type": "application/grpc+proto",
        ...(accepts === undefined ? {} : { "grpc-accept-encoding": accepts }),
      });
      const chunks: Buffer[] = [];
      let encoding: unknown;
      stream.on("response", (headers) => (encoding = headers["grpc-encoding"]));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.end(body);
      await until("it is answered", () => stream.closed);
      const answer = Buffer.concat(chunks);
      const message = accepts === undefined ? answer.subarray(5) : gunzipSync(answer.subarray(5));
      expect([encoding, answer[0]]).toEqual(accepts === undefined ? [undefined, 0] : ["gzip", 1]);
      expect(answer.length < 10_000).toBe(accepts !== undefined);
      expect(message).toEqual(
        Buffer.from(
          toBinary(ExportProjectResponseSchema, create(ExportProjectResponseSchema, { content: "x".repeat(200_000) })),
        ),
      );
    }
  });

  it("unpacks what the peer compressed", async () => {
    const { peer } = await projects(() => 300_000);
    const lane = await rawLane(peer.port);
    const { message } = await grpcUnary(lane.session, "127.0.0.1", {
      method: ProjectService.method.exportProject,
      header: new Headers(),
      message: exportProject().message,
      timeoutMs: undefined,
      signal: undefined,
    });
    expect((message as unknown as { content: string }).content).toBe("x".repeat(300_000));
  });
});
