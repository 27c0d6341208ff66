import { create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createClient,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { GetUserByIdRequestSchema, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CallContext, currentCall } from "../src/call-context.ts";
import { traceIdOf } from "../src/trace-context.ts";
import { callers, failure, serve } from "./lane-fixture.ts";

/*
 * A handler cannot tell which way a call came: the same handler and the same interceptors, called over a lane, as plain gRPC
 * on our own path, and as Connect serves it.
 */

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const given = {
  "x-correlation-id": "c-1",
  authorization: "Bearer t",
  tenant: "blue",
  "proof-bin": "AQID",
};

interface Users {
  getUserById(
    request: { userId: string },
    options?: {
      headers?: Record<string, string>;
      timeoutMs?: number;
      onHeader?: (headers: Headers) => void;
      onTrailer?: (headers: Headers) => void;
    },
  ): Promise<{ userId: string; username: string }>;
}

const ways = ["a lane", "plain gRPC", "Connect's gRPC", "Connect"] as const;
type Way = (typeof ways)[number];

/** A client of the peer that takes the given way. */
async function usersBy(way: Way, port: number, interceptors: readonly Interceptor[] = []): Promise<Users> {
  if (way === "a lane") {
    return (await callers([port], { interceptors })).users as unknown as Users;
  }
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  onTestFinished(() => sessionManager.abort());
  const options = { baseUrl, httpVersion: "2" as const, sessionManager, interceptors: [...interceptors] };
  const transport =
    way === "plain gRPC"
      ? createGrpcTransport(options)
      : way === "Connect"
        ? createConnectTransport(options)
        : // JSON is not on the short way.
          createGrpcTransport({ ...options, useBinaryFormat: false });
  return createClient(UserService, transport) as unknown as Users;
}

const tenantKey = createContextKey("none", { description: "the tenant" });

interface Seen {
  context: HandlerContext;
  call: CallContext;
  message: Message;
}

async function watched(interceptors: readonly Interceptor[] = []) {
  const seen: Seen[] = [];
  const peer = await serve(
    (router) =>
      router.service(UserService, {
        getUserById: (message, context) => {
          seen.push({ context, call: currentCall() as CallContext, message });
          context.responseHeader.set("x-region", "north");
          context.responseTrailer.set("x-cost", "3");
          if (message.userId === "bad") {
            throw new ConnectError("nobody, ääh", Code.NotFound, { "x-why": "gone" }, [
              { desc: GetUserByIdRequestSchema, value: create(GetUserByIdRequestSchema, { userId: "detail" }) },
            ]);
          }
          return { userId: message.userId, username: context.values.get(tenantKey) };
        },
      }),
    { interceptors },
  );
  return { peer, seen };
}

describe.each(ways)("over %s", (way) => {
  it("a handler sees the same call", async () => {
    const { peer, seen } = await watched();
    const users = await usersBy(way, peer.port);
    await users.getUserById({ userId: "u" }, { headers: { ...given }, timeoutMs: 60_000 });
    const [{ context, call, message }] = seen as [Seen];
    expect(isMessage(message, GetUserByIdRequestSchema)).toBe(true);
    expect(message).toMatchObject({ userId: "u" });
    const { service, method, protocolName, requestMethod, requestHeader, responseHeader, responseTrailer } = context;
    expect([service.typeName, method.name, requestMethod]).toEqual(["weft.user.v1.UserService", "GetUserById", "POST"]);
    expect(protocolName).toBe(way === "Connect" ? "connect" : "grpc");
    expect(new URL(context.url).pathname).toBe("/weft.user.v1.UserService/GetUserById");
    expect(context.signal).toBeInstanceOf(AbortSignal);
    const { timeoutMs } = context;
    expect(timeoutMs()).toBeGreaterThan(0);
    expect(timeoutMs()).toBeLessThanOrEqual(60_001);
    for (const headers of [requestHeader, responseHeader, responseTrailer]) {
      expect(headers).toBeInstanceOf(Headers);
    }
    expect(Object.entries(given).map(([name]) => requestHeader.get(name))).toEqual(Object.values(given));
    expect(requestHeader.get("content-type")).toMatch(/^application\//);
    expect([context.values.get(tenantKey), context.values.set(tenantKey, "x").get(tenantKey)]).toEqual(["none", "x"]);
    expect(call).toMatchObject({
      correlationId: "c-1",
      authorization: "Bearer t",
      method: "weft.user.v1.UserService/GetUserById",
    });
    expect(call.signal).toBeInstanceOf(AbortSignal);
    expect(call.deadlineMs).toBeGreaterThan(performance.now());
  });

  it("a handler belongs to its caller's trace, and is correlated by it without an id", async () => {
    const { peer, seen } = await watched();
    const users = await usersBy(way, peer.port);
    await users.getUserById({ userId: "u" }, { headers: { traceparent } });
    await users.getUserById({ userId: "u" });
    const [first, second] = seen.map(({ call }) => call) as [CallContext, CallContext];
    if (way !== "a lane") {
      // Callers of the mesh have their own; the header is not theirs to set.
      expect(traceIdOf(first.trace as never)).toBe("0af7651916cd43dd8448eb211c80319c");
    }
    expect(first.correlationId).toBe(traceIdOf(first.trace as never));
    expect(second.correlationId).toBe(traceIdOf(second.trace as never));
    expect(second.correlationId).not.toBe(first.correlationId);
  });

  it("a caller sees the same answer", async () => {
    const { peer } = await watched();
    const users = await usersBy(way, peer.port);
    let header = new Headers();
    let trailer = new Headers();
    const answer = await users.getUserById(
      { userId: "u" },
      { headers: { ...given }, onHeader: (got) => (header = got), onTrailer: (got) => (trailer = got) },
    );
    expect(isMessage(answer as never, UserResponseSchema)).toBe(true);
    expect([header.get("x-region"), trailer.get("x-cost")]).toEqual(["north", "3"]);
  });

  it("a caller sees the same error", async () => {
    const { peer } = await watched();
    const users = await usersBy(way, peer.port);
    const error = await failure(users.getUserById({ userId: "bad" }, { headers: { ...given } }));
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "nobody, ääh" });
    expect(error.findDetails(GetUserByIdRequestSchema)).toMatchObject([{ userId: "detail" }]);
    const names = ["x-why", "x-region", "x-cost", "x-correlation-id"];
    expect(names.map((name) => error.metadata.get(name))).toEqual(["gone", "north", "3", "c-1"]);
  });

  it("interceptors of the service wrap the handler, see messages, and may change everything", async () => {
    const order: string[] = [];
    const outer: Interceptor = (next) => async (request) => {
      order.push(`outer ${request.service.typeName} ${request.method.name} ${request.requestMethod}`);
      order.push(`tenant ${request.header.get("tenant")} ${request.signal instanceof AbortSignal}`);
      request.contextValues.set(tenantKey, request.header.get("tenant") ?? "");
      const response = await next(request);
      order.push(`outer again ${response.stream}`);
      response.header.set("x-outer", "1");
      response.trailer.set("x-outer-trailer", "2");
      return response;
    };
    const inner: Interceptor = (next) => async (request) => {
      order.push("inner");
      if (request.stream) {
        return next(request);
      }
      const message = create(GetUserByIdRequestSchema, { userId: "changed" });
      const header = new Headers(request.header);
      header.set("tenant", "changed");
      const response = await next({ ...request, message, header });
      if (!response.stream) {
        order.push(`message ${isMessage(response.message, UserResponseSchema)}`);
      }
      return response;
    };
    const { peer, seen } = await watched([outer, inner]);
    const users = await usersBy(way, peer.port);
    let header = new Headers();
    let trailer = new Headers();
    const answer = await users.getUserById(
      { userId: "u" },
      { headers: { ...given }, onHeader: (got) => (header = got), onTrailer: (got) => (trailer = got) },
    );
    expect(order).toEqual([
      "outer weft.user.v1.UserService GetUserById POST",
      "tenant blue true",
      "inner",
      "message true",
      "outer again false",
    ]);
    expect(answer).toMatchObject({ userId: "changed", username: "blue" });
    expect(seen[0]?.context.requestHeader.get("tenant")).toBe("changed");
    expect([
      header.get("x-outer"),
      header.get("x-region"),
      trailer.get("x-outer-trailer"),
      trailer.get("x-cost"),
    ]).toEqual(["1", "north", "2", "3"]);
  });

  it("an interceptor of the service may refuse a call, or answer it itself", async () => {
    const gate: Interceptor = (next) => (request) => {
      const user = (request as { message: { userId?: string } }).message.userId;
      if (user === "refused") {
        throw new ConnectError("not you", Code.PermissionDenied);
      }
      if (user === "answered") {
        return Promise.resolve({
          stream: false,
          service: request.service,
          method: request.method,
          message: create(UserResponseSchema, { username: "the gate" }),
          header: new Headers({ "x-gate": "1" }),
          trailer: new Headers(),
        } as never);
      }
      return next(request);
    };
    const { peer, seen } = await watched([gate]);
    const users = await usersBy(way, peer.port);
    expect((await failure(users.getUserById({ userId: "refused" }))).code).toBe(Code.PermissionDenied);
    expect(seen).toEqual([]);
    if (way === "a lane" || way === "plain gRPC") {
      // Connect wants content type and status of whoever answers in its place.
      let header = new Headers();
      const answer = await users.getUserById({ userId: "answered" }, { onHeader: (got) => (header = got) });
      expect([answer.username, header.get("x-gate"), seen.length]).toEqual(["the gate", "1", 0]);
    }
  });

  it("interceptors of the caller see request, response and error, and may change what is sent", async () => {
    const noted: unknown[] = [];
    const note: Interceptor = (next) => async (request) => {
      request.header.set("tenant", "green");
      noted.push(request.method.name, request.stream);
      try {
        const response = await next(request);
        noted.push(response.header.get("x-region"), response.trailer.get("x-cost"), response.stream);
        return response;
      } catch (error) {
        noted.push((error as ConnectError).code);
        throw error;
      }
    };
    const { peer, seen } = await watched();
    const users = await usersBy(way, peer.port, [note]);
    await users.getUserById({ userId: "u" }, { timeoutMs: 60_000 });
    await failure(users.getUserById({ userId: "bad" }));
    expect(noted).toEqual(["GetUserById", false, "north", "3", false, "GetUserById", false, Code.NotFound]);
    expect(seen.map(({ context }) => context.requestHeader.get("tenant"))).toEqual(["green", "green"]);
    expect(seen[0]?.context.timeoutMs()).toBeLessThanOrEqual(60_001);
  });

  it("a response header that HTTP/2 forbids fails nothing", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }, { responseHeader, responseTrailer }) => {
          responseHeader.set("connection", "close");
          responseHeader.set("transfer-encoding", "chunked");
          responseTrailer.set("keep-alive", "5");
          if (userId === "bad") {
            throw new ConnectError("no", Code.NotFound, { connection: "close" });
          }
          return { userId };
        },
      }),
    );
    if (way === "Connect" || way === "Connect's gRPC") {
      return;
    }
    const users = await usersBy(way, peer.port);
    expect((await users.getUserById({ userId: "u" })).userId).toBe("u");
    expect((await failure(users.getUserById({ userId: "bad" }))).code).toBe(Code.NotFound);
    expect(peer.inFlight).toBe(0);
  });
});
