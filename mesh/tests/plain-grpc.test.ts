import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import {
  Client,
  credentials,
  type Metadata as GrpcMetadata,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { GetUserByIdRequestSchema, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it, onTestFinished } from "vitest";
import { peerAddressKey } from "../src/server/peer-address.ts";
import { serviceError } from "../src/service-error.ts";
import { until } from "../src/testing/until.ts";
import { callers, failure, nextTurn, serve } from "./lane-fixture.ts";
import { framed } from "./raw-lane.ts";

/*
 * Plain unary gRPC from clients that are not ours, on the short way beside Connect: what they send, and what they make of our
 * answers.
 */

const path = "/weft.user.v1.UserService/GetUserById";

async function users() {
  const contexts: HandlerContext[] = [];
  const peer = await serve((router) =>
    router.service(UserService, {
      getUserById: async ({ userId }, context) => {
        contexts.push(context);
        context.responseHeader.set("x-region", "north");
        context.responseTrailer.set("x-cost", "3");
        if (userId === "liar") {
          context.responseTrailer.set("grpc-status", "7");
        }
        if (userId === "missing") {
          throw serviceError(Code.NotFound, "USER_NOT_FOUND", "there is no such ünser", { retryAfterMs: 250 });
        }
        if (userId === "odd") {
          throw new ConnectError("\ud800", Code.Aborted);
        }
        if (userId === "hang") {
          await new Promise(() => undefined);
        }
        return { userId, username: userId === "big" ? "x".repeat(200_000) : "" };
      },
    }),
  );
  const session = connect(`http://127.0.0.1:${peer.port}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  return { peer, contexts, session };
}

interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** grpc-status, wherever it stood. */
  readonly status: number;
}

function begin(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream: ClientHttp2Stream = session.request(
    { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers },
    { endStream: false },
  );
  const answer = new Promise<RawAnswer>((resolve) => {
    let given: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (got) => (given = got));
    stream.on("trailers", (got) => (trailers = got));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        headers: given,
        trailers,
        body: Buffer.concat(chunks),
        status: Number(trailers["grpc-status"] ?? given["grpc-status"]),
      }),
    );
  });
  return { stream, answer };
}

function ask(session: ClientHttp2Session, body: Uint8Array, headers: Record<string, string> = {}): Promise<RawAnswer> {
  const { stream, answer } = begin(session, headers);
  stream.end(body);
  return answer;
}

const request = (userId: string): Uint8Array =>
  toBinary(GetUserByIdRequestSchema, create(GetUserByIdRequestSchema, { userId }));

describe("a request", () => {
  it("is answered with headers, one message, and trailers whose status is ours to say", async () => {
    const { session } = await users();
    const { headers, trailers, body, status: code } = await ask(session, framed(request("liar")));
    expect([headers[":status"], headers["content-type"], headers["x-region"]]).toEqual([
      200,
      "application/grpc+proto",
      "north",
    ]);
    expect([code, trailers["x-cost"]]).toEqual([0, "3"]);
    expect(fromBinary(UserResponseSchema, body.subarray(5))).toMatchObject({ userId: "liar" });
  });

  it("tell their handler the address that they come from", async () => {
    const { session, contexts } = await users();
    const answer = ask(session, framed(request("hang")));
    answer.catch(() => undefined);
    const context = await until("the handler has it", () => contexts[0]);
    expect(context.values.get(peerAddressKey)).toBe("127.0.0.1");
  });

  it("may come byte by byte", async () => {
    const { session } = await users();
    const { stream, answer } = begin(session);
    for (const byte of framed(request("u"))) {
      stream.write(Buffer.from([byte]));
      await nextTurn();
    }
    stream.end();
    expect((await answer).status).toBe(0);
  });

  it.each<[what: string, body: Buffer, code: Code]>([
    ["with an empty message that breaks its rules", framed(new Uint8Array()), Code.InvalidArgument],
    ["without a message", Buffer.alloc(0), Code.InvalidArgument],
    ["with half a prefix", Buffer.alloc(3), Code.InvalidArgument],
    ["with half a message", framed(request("u")).subarray(0, 6), Code.InvalidArgument],
    ["with two messages", Buffer.concat([framed(request("u")), framed(request("v"))]), Code.InvalidArgument],
    ["that says it is compressed and not how", framed(gzipSync(request("u")), 1), Code.Internal],
    ["that is no such message", framed(Buffer.from([0xff, 0xff])), Code.InvalidArgument],
  ])("%s fails and reaches no handler", async (_what, body, code) => {
    const { session, peer, contexts } = await users();
    const answer = await ask(session, body);
    expect([answer.headers[":status"], answer.status, contexts.length]).toEqual([200, code, 0]);
    expect((await ask(session, framed(request("u")))).status).toBe(0);
    expect(peer.inFlight).toBe(0);
  });

  it("larger than the limit is refused before it is complete", async () => {
    const { session, peer, contexts } = await users();
    const { stream, answer } = begin(session);
    const chunk = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      if (!stream.closed) {
        stream.write(chunk, () => setImmediate(more));
      }
    };
    more();
    expect((await answer).status).toBe(Code.ResourceExhausted);
    expect([peer.inFlight, contexts.length]).toEqual([0, 0]);
    expect((await ask(session, framed(request("u")))).status).toBe(0);
  });

  it.each<[what: string, headers: Record<string, string>, body: Uint8Array]>([
    ["compressed with gzip", { "grpc-encoding": "gzip" }, framed(gzipSync(request("u")), 1)],
    ["that names identity", { "grpc-encoding": "identity" }, framed(request("u"))],
    ["as application/grpc+proto", { "content-type": "application/grpc+proto" }, framed(request("u"))],
    ["as JSON", { "content-type": "application/grpc+json" }, framed(Buffer.from(JSON.stringify({ userId: "u" })))],
  ])("%s is answered", async (_what, headers, body) => {
    const { session, contexts } = await users();
    expect((await ask(session, body, headers)).status).toBe(0);
    expect(contexts).toHaveLength(1);
  });

  it.each<[what: string, headers: Record<string, string>, httpStatus: number]>([
    ["of an unknown path", { ":path": "/no.Such/Method" }, 404],
    ["of an unknown method of a service", { ":path": "/weft.user.v1.UserService/Nothing" }, 404],
    ["with a content type of its own", { "content-type": "text/plain" }, 415],
    ["by GET", { ":method": "GET" }, 415],
  ])("%s is refused as HTTP says", async (_what, headers, httpStatus) => {
    const { session, peer } = await users();
    expect(
      (await ask(session, headers[":method"] === "GET" ? Buffer.alloc(0) : framed(request("u")), headers)).headers[
        ":status"
      ],
    ).toBe(httpStatus);
    expect(peer.inFlight).toBe(0);
  });

  it("that its client leaves half way is let go of", async () => {
    const { session, peer, contexts } = await users();
    const { stream } = begin(session);
    stream.write(framed(request("u")).subarray(0, 6));
    await until("it has arrived", () => peer.inFlight === 1);
    stream.close();
    await until("it is let go of", () => peer.inFlight === 0);
    expect(contexts).toHaveLength(0);
  });

  it("whose deadline passes before it is complete is answered then", async () => {
    const { session, peer } = await users();
    const { stream, answer } = begin(session, { "grpc-timeout": "20m" });
    stream.write(framed(request("u")).subarray(0, 6));
    expect((await answer).status).toBe(Code.DeadlineExceeded);
    expect(peer.inFlight).toBe(0);
  });

  it("whose handler hangs ends at its deadline, and the handler is told", async () => {
    const { session, contexts } = await users();
    expect((await ask(session, framed(request("hang")), { "grpc-timeout": "20m" })).status).toBe(Code.DeadlineExceeded);
    expect(contexts[0]?.signal.reason).toMatchObject({ code: Code.DeadlineExceeded });
  });

  it("that its client leaves while the handler works tells the handler", async () => {
    const { session, peer, contexts } = await users();
    const { stream } = begin(session);
    stream.end(framed(request("hang")));
    await until("it has arrived", () => contexts.length === 1);
    stream.close();
    await until("the handler is told", () => contexts[0]?.signal.aborted);
    expect(contexts[0]?.signal.reason).toMatchObject({ code: Code.Canceled });
    expect(peer.inFlight).toBe(0);
  });

  it.each(["", "x", "5", "-1m", "1.5S", "123456789S", "5X", "S"])(
    "with grpc-timeout %o has no deadline",
    async (value) => {
      const { session, contexts } = await users();
      expect((await ask(session, framed(request("u")), { "grpc-timeout": value })).status).toBe(0);
      expect(contexts[0]?.timeoutMs()).toBeUndefined();
    },
  );
});

describe("an error", () => {
  it("comes in headers alone, with details in the standard form", async () => {
    const { session } = await users();
    const { headers, trailers, body } = await ask(session, framed(request("missing")));
    expect([headers["grpc-status"], body.length, trailers]).toEqual(["5", 0, {}]);
    expect(decodeURIComponent(headers["grpc-message"] as string)).toBe("there is no such ünser");
    expect([headers["retry-after-ms"], headers["x-region"], headers["x-cost"]]).toEqual(["250", "north", "3"]);
    expect(headers["grpc-status-details-bin"]).toBeDefined();
  });

  it("whose message no header can hold is an internal one", async () => {
    const { session, peer } = await users();
    expect((await ask(session, framed(request("odd")))).status).toBe(Code.Internal);
    expect(peer.inFlight).toBe(0);
  });
});

describe("grpc-js", () => {
  async function client() {
    const { peer, contexts } = await users();
    const channel = new Client(`127.0.0.1:${peer.port}`, credentials.createInsecure());
    onTestFinished(() => channel.close());
    const call = (userId: string, metadata = new Metadata(), deadline?: number) => {
      let trailer: GrpcMetadata | undefined;
      let header: GrpcMetadata | undefined;
      const result = new Promise<{ userId: string; header?: GrpcMetadata; trailer?: GrpcMetadata }>(
        (resolve, reject) => {
          const started = channel.makeUnaryRequest(
            path,
            (message: Uint8Array) => Buffer.from(message),
            (bytes: Buffer) => fromBinary(UserResponseSchema, bytes),
            request(userId),
            metadata,
            deadline === undefined ? {} : { deadline: Date.now() + deadline },
            (error, answer) => {
              setImmediate(() =>
                error === null
                  ? resolve({ userId: answer?.userId ?? "", ...(header && { header }), ...(trailer && { trailer }) })
                  : reject(error),
              );
            },
          );
          started.on("metadata", (got) => (header = got));
          started.on("status", (got) => (trailer = got.metadata));
        },
      );
      return result;
    };
    return { call, contexts };
  }

  it("gets its answer with headers and trailers, large ones unpacked", async () => {
    const { call, contexts } = await client();
    const metadata = new Metadata();
    metadata.set("tenant", "blue");
    metadata.set("proof-bin", Buffer.from([1, 2, 3]));
    const answer = await call("u", metadata);
    expect([answer.userId, answer.header?.get("x-region"), answer.trailer?.get("x-cost")]).toEqual([
      "u",
      ["north"],
      ["3"],
    ]);
    expect([contexts[0]?.requestHeader.get("tenant"), contexts[0]?.requestHeader.get("proof-bin")]).toEqual([
      "blue",
      "AQID",
    ]);
    expect((await call("big")).userId).toBe("big");
  });

  it("reads code, message, metadata and details of an error", async () => {
    const { call } = await client();
    const error = await failure<ServiceError>(call("missing"));
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: "there is no such ünser" });
    expect(error.metadata.get("retry-after-ms")).toEqual(["250"]);
    const [bytes] = error.metadata.get("grpc-status-details-bin") as [Buffer];
    expect(bytes.toString("latin1")).toContain("USER_NOT_FOUND");
  });

  it("has its deadlines kept", async () => {
    const { call, contexts } = await client();
    expect((await failure<ServiceError>(call("hang", new Metadata(), 60))).code).toBe(status.DEADLINE_EXCEEDED);
    await until("the handler is told", () => contexts[0]?.signal.aborted);
  });

  it("as a server, which has no lanes, is called by plain gRPC through pool and breaker", async () => {
    const server = new Server();
    const seen: string[] = [];
    server.addService(
      {
        getUserById: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: (message: Uint8Array) => Buffer.from(message),
          requestDeserialize: (bytes: Buffer) => fromBinary(GetUserByIdRequestSchema, bytes),
          responseSerialize: (message: Uint8Array) => Buffer.from(message),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        getUserById: ((
          call: { request: { userId: string }; metadata: GrpcMetadata; sendMetadata(metadata: GrpcMetadata): void },
          answer: (error: unknown, message?: Uint8Array) => void,
        ): void => {
          seen.push(String(call.metadata.get("tenant")[0]), String(call.metadata.get("traceparent")[0]).slice(0, 3));
          if (call.request.userId === "missing") {
            const metadata = new Metadata();
            metadata.set("x-why", "gone");
            answer({ code: status.NOT_FOUND, details: "no such user", metadata });
            return;
          }
          if (call.request.userId === "hang") {
            return;
          }
          const header = new Metadata();
          header.set("x-region", "north");
          call.sendMetadata(header);
          answer(
            null,
            toBinary(
              UserResponseSchema,
              create(UserResponseSchema, { userId: call.request.userId, username: "x".repeat(100_000) }),
            ),
          );
        }) as UntypedHandleCall,
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    onTestFinished(() => server.forceShutdown());
    const { users: client, fallbacks } = await callers([port]);
    let header = new Headers();
    const answer = await client.getUserById(
      { userId: "u" },
      { headers: { tenant: "blue" }, onHeader: (got) => (header = got) },
    );
    expect([answer.userId, answer.username.length, header.get("x-region")]).toEqual(["u", 100_000, "north"]);
    expect(seen).toEqual(["blue", "00-"]);
    const error = await failure(client.getUserById({ userId: "missing" }));
    expect([error.code, error.rawMessage, error.metadata.get("x-why")]).toEqual([
      Code.NotFound,
      "no such user",
      "gone",
    ]);
    expect((await failure(client.getUserById({ userId: "hang" }, { timeoutMs: 40 }))).code).toBe(Code.DeadlineExceeded);
    expect(fallbacks()).toBe(3);
  });
});

describe("connect-node's gRPC client", () => {
  it("gets answers and errors, compressed both ways", async () => {
    const { peer } = await users();
    for (const sendCompression of [undefined, compressionGzip]) {
      const client = createClient(
        UserService,
        createGrpcTransport({
          baseUrl: `http://127.0.0.1:${peer.port}`,
          compressMinBytes: 1,
          ...(sendCompression === undefined ? {} : { sendCompression }),
        }),
      );
      expect((await client.getUserById({ userId: "big" })).username.length).toBe(200_000);
      const error = await failure(client.getUserById({ userId: "missing" }));
      expect([error.code, error.metadata.get("retry-after-ms"), error.details.length]).toEqual([
        Code.NotFound,
        "250",
        1,
      ]);
    }
  });
});

describe("a thousand requests at once", () => {
  it("are all answered, and nothing of them is left", async () => {
    const { session, peer } = await users();
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, index) => ask(session, framed(request(`u${index}`)))),
    );
    expect(answers.every((answer) => answer.status === 0)).toBe(true);
    expect(peer.inFlight).toBe(0);
  });
});
