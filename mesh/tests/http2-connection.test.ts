import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type ConnectRouter, createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { GetUserByIdRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { MeshError } from "../src/errors.ts";
import { Http2Connection, type Http2ConnectionOptions } from "../src/pool/http2-connection.ts";
import { startScriptedPeer } from "../src/testing/scripted-peer.ts";
import { until } from "../src/testing/until.ts";
import { noCounters, ProbeCall } from "./probe-call.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

function connectTo(port: number, options: Partial<Http2ConnectionOptions> = {}): Http2Connection {
  const connection = new Http2Connection({
    id: 1,
    endpoint: `127.0.0.1:${port}`,
    clock: systemClock,
    laneCounters: noCounters(),
    ...options,
  });
  cleanups.push(() => connection.destroy("the test is over"));
  return connection;
}

/** A server whose sockets and sessions the test holds in its hands; it answers nothing by itself. */
async function bareServer() {
  const server: Http2Server = createServer();
  const sockets: Socket[] = [];
  const sessions: ServerHttp2Session[] = [];
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    sockets.push(socket);
  });
  server.on("session", (session) => {
    session.on("error", () => undefined);
    sessions.push(session);
  });
  server.on("stream", (stream) => stream.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return { server, sockets, sessions, port: (server.address() as AddressInfo).port };
}

function userCall(): ProbeCall {
  return new ProbeCall(UserService.method.getUserById, create(GetUserByIdRequestSchema, { userId: "u1" }));
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("the call was answered"),
    (error: unknown) => error,
  );
}

const slowUsers = (answers: Promise<unknown>) => (router: ConnectRouter) =>
  router.service(UserService, {
    getUserById: async (request) => {
      await answers;
      return { userId: request.userId };
    },
  });

describe("a connection", () => {
  test("opens, carries calls and tells when it has closed", async () => {
    const peer = await startScriptedPeer(slowUsers(Promise.resolve()));
    cleanups.push(() => peer.destroy());
    const connection = connectTo(peer.port);
    const states: string[] = [];
    connection.onState((state) => void states.push(state.kind));
    await connection.opened;
    expect(connection.state.kind).toBe("open");
    expect(await userCall().on(connection)).toMatchObject({ userId: "u1" });
    connection.drain("enough");
    await until("it has closed", () => connection.state.kind === "closed");
    expect(states).toEqual(["draining", "closed"]);
  });

  test("rejects with CONNECT_FAILED, naming the endpoint, when nobody listens", async () => {
    const { server, port } = await bareServer();
    server.close();
    await once(server, "close");
    const error = await failure(connectTo(port).opened);
    expect(error).toMatchObject({ meshCode: "CONNECT_FAILED", sent: false });
    expect((error as Error).message).toContain(`127.0.0.1:${port}: connect ECONNREFUSED`);
  });

  test("gives up dialling after its time", async () => {
    const { port } = await bareServer();
    const setTimer = (fn: () => void) => {
      fn();
      return { cancel: () => undefined };
    };
    const hasty = { ...systemClock, setTimer };
    const error = await failure(connectTo(port, { clock: hasty }).opened);
    expect(error).toMatchObject({ meshCode: "CONNECT_FAILED" });
    expect((error as Error).message).toContain("no connection within 2000 ms");
  });

  test("gives up a peer that accepts and then never says a word", async () => {
    const silent = createNetServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(silent, "listening");
    cleanups.push(() => silent.close());
    const connection = connectTo((silent.address() as AddressInfo).port, { pingIntervalMs: 20, pingTimeoutMs: 50 });
    silent.on("connection", (socket: Socket) => cleanups.push(() => socket.destroy()));
    await until("it is given up", () => connection.state.kind === "closed");
  });

  test("finishes the calls it carries when it drains, and takes no new ones", async () => {
    const gate = Promise.withResolvers<void>();
    const peer = await startScriptedPeer(slowUsers(gate.promise));
    cleanups.push(() => peer.destroy());
    const connection = connectTo(peer.port);
    await connection.opened;
    const pending = userCall().on(connection);
    connection.drain("fewer connections are needed");
    expect(connection.state.kind).toBe("draining");
    gate.resolve();
    expect(await pending).toMatchObject({ userId: "u1" });
    await until("it has closed", () => connection.state.kind === "closed");
    expect(await failure(userCall().on(connection))).toMatchObject({ meshCode: "CONNECTION_LOST", sent: false });
  });

  test("drains when the peer says GOAWAY, while the call in flight is answered", async () => {
    const gate = Promise.withResolvers<void>();
    let arrived = 0;
    const peer = await startScriptedPeer((router) =>
      router.service(UserService, {
        getUserById: async ({ userId }) => {
          arrived += 1;
          await gate.promise;
          return { userId };
        },
      }),
    );
    cleanups.push(() => peer.destroy());
    const connection = connectTo(peer.port);
    await connection.opened;
    const pending = userCall().on(connection);
    await until("the call has arrived", () => arrived > 0);
    void peer.drain();
    await until("it drains", () => connection.state.kind === "draining");
    gate.resolve();
    expect(await pending).toMatchObject({ userId: "u1" });
    await until("it has closed", () => connection.state.kind === "closed");
  });

  test("fails a call in flight as sent when it is destroyed", async () => {
    const peer = await startScriptedPeer(slowUsers(new Promise(() => undefined)));
    cleanups.push(() => peer.destroy());
    const connection = connectTo(peer.port);
    await connection.opened;
    const pending = failure(userCall().on(connection));
    await new Promise((resolve) => setImmediate(resolve));
    connection.destroy("the test says so");
    expect(await pending).toMatchObject({ meshCode: "CONNECTION_LOST", sent: true });
  });

  test("counts the streams it carries until they end", async () => {
    const peer = await startScriptedPeer((router) =>
      router.service(Health, {
        async *watch(_request, context) {
          yield { status: Serving.SERVING };
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        },
      }),
    );
    cleanups.push(() => peer.destroy());
    const connection = connectTo(peer.port);
    await connection.opened;
    const leaving = new AbortController();
    const messages = createClient(Health, connection.streams).watch({}, { signal: leaving.signal });
    const iterator = messages[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ status: Serving.SERVING });
    expect(connection.openStreams).toBe(1);
    leaving.abort();
    await failure(iterator.next());
    await until("the stream has ended", () => connection.openStreams === 0);
  });

  test("refuses a stream once it drains, as not sent", async () => {
    const { port } = await bareServer();
    const connection = connectTo(port);
    await connection.opened;
    connection.drain("enough");
    const error = await failure(createClient(Health, connection.streams).watch({})[Symbol.asyncIterator]().next());
    expect((error as { cause: unknown }).cause).toMatchObject({ meshCode: "CONNECTION_LOST", sent: false });
  });
});

describe("a peer that fails", () => {
  test("after GOAWAY by a connection error ends the connection and nothing else", async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtExceptionMonitor", note);
    cleanups.push(() => process.off("uncaughtExceptionMonitor", note));
    for (const end of [
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => socket.end(Buffer.from("this is no HTTP/2 frame, and far too long to be one")),
      (socket: Socket) => socket.destroy(),
    ]) {
      const { sessions, sockets, port } = await bareServer();
      const connection = connectTo(port);
      await connection.opened;
      const pending = failure(userCall().on(connection));
      await until("the session is there", () => sessions.length === 1);
      sessions[0]?.goaway(2);
      sockets.forEach(end);
      expect(await pending).toBeInstanceOf(MeshError);
      await until("it has closed", () => connection.state.kind === "closed");
    }
    expect(uncaught).toEqual([]);
  });

  test("by going silent is noticed by a ping while no call is in flight", async () => {
    const { sockets, port } = await bareServer();
    const connection = connectTo(port, { pingIntervalMs: 30, pingTimeoutMs: 60 });
    await connection.opened;
    await until("the server has it", () => sockets.length === 1);
    const { child, port: stoppedPort } = await childServer();
    const stopped = connectTo(stoppedPort, { pingIntervalMs: 30, pingTimeoutMs: 60 });
    await stopped.opened;
    child.kill("SIGSTOP");
    await until("the stopped peer is given up", () => stopped.state.kind === "closed");
    expect(stopped.state).toMatchObject({ reason: "no answer to a ping within 60 ms" });
    expect(connection.state.kind).toBe("open");
  });

  test("by going silent while the connection drains does not hold its last call for ever", async () => {
    const { child, port } = await childServer();
    const connection = connectTo(port, { pingIntervalMs: 30, pingTimeoutMs: 60 });
    await connection.opened;
    const pending = failure(userCall().on(connection));
    connection.drain("enough");
    child.kill("SIGSTOP");
    expect(await pending).toMatchObject({ meshCode: "CONNECTION_LOST", sent: true });
  });
});

describe("a thousand connections", () => {
  test("opened and closed leave no socket, timer or listener behind", async () => {
    const peer = await startScriptedPeer(slowUsers(Promise.resolve()));
    cleanups.push(() => peer.destroy());
    const resources = (): number => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
    const before = resources();
    const round = async (id: number): Promise<void> => {
      const connection = new Http2Connection({
        id,
        endpoint: `127.0.0.1:${peer.port}`,
        clock: systemClock,
        laneCounters: noCounters(),
      });
      await connection.opened;
      if (id % 10 === 0) {
        await userCall().on(connection);
      }
      const closed = new Promise<void>((resolve) => connection.onState(({ kind }) => kind === "closed" && resolve()));
      connection.drain("the round is over");
      await closed;
    };
    for (let id = 0; id < 1000; id += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => round(id + index)));
    }
    await until("the server's sockets are gone too", () => resources() <= before);
  });
});

/** An HTTP/2 server in a process of its own, which can be stopped. */
async function childServer(): Promise<{ child: ChildProcess; port: number }> {
  const script = `
    const server = require("node:http2").createServer();
    server.on("stream", (stream) => stream.on("error", () => {}));
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    process.on("disconnect", () => process.exit());`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  cleanups.push(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}
