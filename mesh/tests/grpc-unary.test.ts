import { once } from "node:events";
import { connect, constants, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ListProjectsRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { GetUserByIdRequestSchema, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterEach, describe, expect, test } from "vitest";
import { MeshError } from "../src/errors.ts";
import { grpcUnary, maxAnswerBytes, type UnaryAnswer, type UnaryCall } from "../src/pool/grpc-unary.ts";

type Answer = (stream: ServerHttp2Stream, headers: Record<string, string>, body: Buffer) => void;

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    cleanup();
  }
});

/** Connects to a server that answers by script, one frame at a time. */
async function open(answer: Answer): Promise<(call?: Partial<UnaryCall>) => Promise<UnaryAnswer>> {
  const server: Http2Server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, headers as Record<string, string>, Buffer.concat(chunks)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on("error", () => undefined);
  cleanups.push(() => {
    session.destroy();
    server.close();
  });
  return (call = {}) =>
    grpcUnary(session, "127.0.0.1", {
      method: UserService.method.getUserById,
      header: new Headers(),
      message: create(GetUserByIdRequestSchema, { userId: "u1" }),
      timeoutMs: undefined,
      signal: undefined,
      ...call,
    });
}

async function ask(answer: Answer, call: Partial<UnaryCall> = {}): Promise<UnaryAnswer> {
  return (await open(answer))(call);
}

async function refusal(answer: Answer, call: Partial<UnaryCall> = {}): Promise<MeshError | ConnectError> {
  const error = await ask(answer, call).then(
    () => expect.fail("the call was answered"),
    (caught: unknown) => caught,
  );
  if (error instanceof MeshError || error instanceof ConnectError) {
    return error;
  }
  throw error;
}

const ada = framed(toBinary(UserResponseSchema, create(UserResponseSchema, { userId: "u1", username: "ada" })));

function framed(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Headers, the chunks as they are, trailers. */
function respond(
  stream: ServerHttp2Stream,
  chunks: readonly Buffer[],
  trailers: Record<string, string>,
  headers = {},
): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto", ...headers }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  for (const chunk of chunks) {
    stream.write(chunk);
  }
  stream.end();
}

describe("a request", () => {
  test("is one gRPC message with path, deadline and the caller's headers", async () => {
    let seen: { headers: Record<string, string>; body: Buffer } | undefined;
    await ask(
      (stream, headers, body) => {
        seen = { headers, body };
        respond(stream, [ada], { "grpc-status": "0" });
      },
      { timeoutMs: 1234.9, header: new Headers({ "x-correlation-id": "c1", "trace-bin": "AAEC" }) },
    );
    expect(seen?.headers).toMatchObject({
      ":path": "/weft.user.v1.UserService/GetUserById",
      ":method": "POST",
      "content-type": "application/grpc+proto",
      te: "trailers",
      "grpc-timeout": "1234m",
      "x-correlation-id": "c1",
      "trace-bin": "AAEC",
    });
    expect(seen?.body).toEqual(
      framed(toBinary(GetUserByIdRequestSchema, create(GetUserByIdRequestSchema, { userId: "u1" }))),
    );
  });

  test.each<[timeoutMs: number | undefined, said: string | undefined]>([
    [undefined, undefined],
    [0.2, "1m"],
    [1e12, "99999999m"],
    [Number.POSITIVE_INFINITY, "99999999m"],
  ])("says its timeout of %s ms as %s, in at most eight digits", async (timeoutMs, said) => {
    let timeout: string | undefined;
    await ask(
      (stream, headers) => {
        timeout = headers["grpc-timeout"];
        respond(stream, [ada], { "grpc-status": "0" });
      },
      { timeoutMs },
    );
    expect(timeout).toBe(said);
  });

  test("keeps its own headers when its caller passes on those of an HTTP request", async () => {
    const header = new Headers({
      connection: "keep-alive",
      "content-type": "application/json",
      "content-length": "7",
      host: "elsewhere",
      te: "gzip",
      "transfer-encoding": "chunked",
      "grpc-timeout": "9H",
    });
    const { message } = await ask(
      (stream, headers) => {
        expect(headers["content-type"]).toBe("application/grpc+proto");
        expect(headers["grpc-timeout"]).toBeUndefined();
        respond(stream, [ada], { "grpc-status": "0" });
      },
      { header },
    );
    expect(message).toMatchObject({ username: "ada" });
  });

  test("that cannot be encoded fails before a stream is opened", async () => {
    let arrived = false;
    const message = create(ListProjectsRequestSchema, { pageSize: 2 ** 40 });
    const call = { method: ProjectService.method.listProjects, message };
    await expect(ask(() => (arrived = true), call)).rejects.toThrow(/int32/);
    expect(arrived).toBe(false);
  });
});

describe("an answer", () => {
  test("brings its message, its headers and its trailers, binary ones as they are", async () => {
    const { message, header, trailer } = await ask((stream) =>
      respond(stream, [ada], { "grpc-status": "0", "x-cost": "3", "proof-bin": "AQID" }, { "x-region": "north" }),
    );
    expect(message).toMatchObject({ userId: "u1", username: "ada" });
    expect(header.get("x-region")).toBe("north");
    expect([trailer.get("x-cost"), trailer.get("proof-bin")]).toEqual(["3", "AQID"]);
  });

  test("may arrive byte by byte", async () => {
    const bytes = [...ada].map((byte) => Buffer.from([byte]));
    expect((await ask((stream) => respond(stream, bytes, { "grpc-status": "0" }))).message).toMatchObject({
      username: "ada",
    });
  });

  test("may be an empty message", async () => {
    const { message } = await ask((stream) => respond(stream, [framed(new Uint8Array())], { "grpc-status": "0" }));
    expect(message).toMatchObject({ userId: "", username: "" });
  });

  test("may be an error in trailers", async () => {
    const error = await refusal((stream) =>
      respond(
        stream,
        [],
        { "grpc-status": "5", "grpc-message": "no%20such%20user", "x-why": "gone" },
        { "x-region": "north" },
      ),
    );
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "no such user" });
    const { metadata } = error as ConnectError;
    expect([metadata.get("x-why"), metadata.get("x-region")]).toEqual(["gone", "north"]);
  });

  test("may be an error in headers alone", async () => {
    const error = await refusal((stream) =>
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "7" }, { endStream: true }),
    );
    expect(error.code).toBe(Code.PermissionDenied);
  });

  test.each([
    [400, Code.Internal],
    [401, Code.Unauthenticated],
    [403, Code.PermissionDenied],
    [404, Code.Unimplemented],
    [418, Code.Unknown],
    [429, Code.Unavailable],
    [500, Code.Unknown],
    [502, Code.Unavailable],
    [503, Code.Unavailable],
    [504, Code.Unavailable],
  ])("with HTTP status %i alone means what gRPC says it means", async (status, code) => {
    const error = await refusal((stream) => {
      stream.respond({ ":status": status, "content-type": "text/html" });
      stream.end("<h1>no</h1>");
    });
    expect(error).toMatchObject({ name: "ConnectError", code, rawMessage: `HTTP ${status}` });
  });

  test.each<[what: string, chunks: Buffer[]]>([
    ["no message", []],
    ["half a message", [ada.subarray(0, 7)]],
    ["a message and a half", [ada, ada.subarray(0, 3)]],
    ["a compressed message, which was not asked for", [framed(new Uint8Array([1]), 1)]],
    ["bytes that are no such message", [framed(new Uint8Array([0xff, 0xff, 0xff]))]],
  ])("with %s is a PROTOCOL_ERROR", async (_what, chunks) => {
    const error = await refusal((stream) => respond(stream, chunks, { "grpc-status": "0" }));
    expect(error).toMatchObject({ meshCode: "PROTOCOL_ERROR", sent: true });
  });

  test.each<[what: string, trailers: Record<string, string>]>([
    ["without a status", { "x-cost": "3" }],
    ["with a message that is not percent-encoded", { "grpc-status": "5", "grpc-message": "100%" }],
  ])("%s is a PROTOCOL_ERROR", async (_what, trailers) => {
    expect(await refusal((stream) => respond(stream, [ada], trailers))).toMatchObject({ meshCode: "PROTOCOL_ERROR" });
  });

  test("with an unknown status is an internal error", async () => {
    expect((await refusal((stream) => respond(stream, [], { "grpc-status": "99" }))).code).toBe(Code.Internal);
  });

  test("larger than the limit is refused, and the rest of it is not read", async () => {
    let end: number | undefined;
    const error = await refusal((stream) => {
      stream.on("close", () => (end = stream.rstCode));
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.write(framed(Buffer.alloc(maxAnswerBytes + 10)));
    });
    expect(error).toMatchObject({ meshCode: "MESSAGE_TOO_LARGE", code: Code.ResourceExhausted });
    expect(error.message).toContain("exceeds 16777216 bytes");
    await expect.poll(() => end).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe("a call that ends early", () => {
  test.each<[what: string, code: number, meshCode: string, sent: boolean]>([
    ["refused unprocessed", constants.NGHTTP2_REFUSED_STREAM, "CALL_REFUSED", false],
    ["asked to calm down", constants.NGHTTP2_ENHANCE_YOUR_CALM, "CALL_REFUSED", true],
    ["cancelled by the peer", constants.NGHTTP2_CANCEL, "CONNECTION_LOST", true],
    ["ended by an internal error", constants.NGHTTP2_INTERNAL_ERROR, "CONNECTION_LOST", true],
  ])("%s", async (_what, code, meshCode, sent) => {
    expect(await refusal((stream) => stream.close(code))).toMatchObject({ meshCode, sent });
  });

  test("after half its answer was sent and may have been processed", async () => {
    const error = await refusal((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.write(ada.subarray(0, 6), () => stream.session?.destroy());
    });
    expect(error).toMatchObject({ meshCode: "CONNECTION_LOST", sent: true });
  });

  test("by a GOAWAY that does not count it in was not processed", async () => {
    const first = 1;
    const call = await open((stream) => {
      if (stream.id === first) {
        respond(stream, [ada], { "grpc-status": "0" });
      } else {
        stream.session?.goaway(constants.NGHTTP2_NO_ERROR, first);
      }
    });
    await call();
    await expect(call()).rejects.toMatchObject({ meshCode: "CALL_REFUSED", sent: false });
  });

  test("by its caller tells the peer", async () => {
    const controller = new AbortController();
    let end: number | undefined;
    const error = await refusal(
      (stream) => {
        stream.on("close", () => (end = stream.rstCode));
        controller.abort();
      },
      { signal: controller.signal },
    );
    expect(error).toMatchObject({ meshCode: "CANCELED" });
    await expect.poll(() => end).toBe(constants.NGHTTP2_CANCEL);
  });

  test("by a deadline carries the deadline's own error", async () => {
    const late = new MeshError("DEADLINE_EXCEEDED");
    expect(await refusal(() => undefined, { signal: AbortSignal.abort(late) })).toBe(late);
  });
});
