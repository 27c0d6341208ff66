import { createServer as createHttp1Server, type Server as Http1Server, type RequestListener } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { callerOf, markCaller } from "../identity/caller.ts";
import type { ServiceIdentity } from "../identity/identity.ts";
import { connectionName, createTlsFront } from "../identity/tls-front.ts";
import { type ConnectionAge, startAging } from "./connection-age.ts";
import { trackHttp1 } from "./http1-drain.ts";

/**
 * One port for HTTP/2 and HTTP/1.1: gRPC needs the first, browsers and curl come with the second. A connection is undecided
 * until it is known which it speaks, and is then handed to a server of that protocol.
 *
 * In plain text Node's http2 server accepts only one of them, so the first bytes tell: HTTP/2 opens with "PRI * HTTP/2.0"
 * (RFC 9113, 3.4). They may come one by one, and a POST begins like a PRI; the socket is handed over as if nobody had read
 * from it. With an identity the port speaks TLS only: the handshake tells the protocol and who calls (identity/).
 *
 * `drain` stops listening, sends GOAWAY, closes what is idle or undecided, and resolves when all calls in flight have
 * ended; `destroy` cuts what is left.
 */
export interface H2cServer {
  readonly server: Server;
  drain(): Promise<void>;
  destroy(): void;
}

const preface = Buffer.from("PRI");
/** A client that has not said within this what it speaks is not going to. */
const undecidedTimeoutMs = 30_000;
/** Both are limits against abuse; the calls of one mesh peer stay far below them. */
const maxConcurrentStreams = 1000;
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 8 * 1024 * 1024;

/** Takes an HTTP/2 stream before any request object is made of it; false leaves it to the handler. */
export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

export interface H2cServerOptions {
  /** Makes it a port of mTLS, for services of the mesh only; plain text when absent. */
  readonly identity?: ServiceIdentity | undefined;
  /** What is offered over TLS; both when absent. */
  readonly protocols?: readonly ("h2" | "http/1.1")[];
  /** When HTTP/2 connections are asked to come anew; never when absent. */
  readonly age?: ConnectionAge;
}

export function createH2cServer(
  handler: RequestListener,
  onStream: StreamListener = () => false,
  { identity, protocols = ["h2", "http/1.1"], age }: H2cServerOptions = {},
): H2cServer {
  // Never listens: makes Node's request and response objects of the streams that it is given.
  const compatible: Http2Server = createHttp2Server({}, handler as unknown as Parameters<typeof createHttp2Server>[1]);
  const http2: Http2Server = createHttp2Server({
    settings: { maxConcurrentStreams, initialWindowSize: streamWindowBytes },
    maxSessionMemory: 64,
    // A peer that cancels many calls at once is no attacker here; the default, a burst of 1000 and 33 a second, trips early.
    streamResetBurst: 10_000,
    streamResetRate: 1000,
  } as Parameters<typeof createHttp2Server>[0]);
  http2.on("stream", (stream, headers, flags, rawHeaders) => {
    if (!onStream(stream, headers)) {
      compatible.emit("stream", stream, headers, flags, rawHeaders);
    }
  });
  const http1: Http1Server = createHttp1Server(handler);
  const http1Drain = trackHttp1(http1);
  const sessions = new Set<ServerHttp2Session>();
  const undecided = new Map<string, Socket>();
  const sockets = new Set<Socket>();
  const decided = (socket: Socket, http2Speaker: boolean): void => {
    undecided.delete(connectionName(socket));
    (http2Speaker ? http2 : http1).emit("connection", socket);
  };
  http2.on("session", (session) => {
    sessions.add(session);
    const caller = identity === undefined ? undefined : callerOf(session.socket);
    if (caller !== undefined) {
      // Asked for with every call, and the socket's own mark is behind a proxy.
      markCaller(session, caller);
    }
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("error", () => session.destroy());
    const aging = age === undefined ? undefined : startAging(session, age);
    session.once("close", () => {
      aging?.cancel();
      sessions.delete(session);
    });
  });
  http2.on("sessionError", () => undefined);
  const server =
    identity === undefined
      ? createNetServer()
      : createTlsFront({
          identity,
          protocols,
          onSocket: (socket, protocol) => decided(socket, protocol === "h2"),
        });
  server.on("connection", (socket: Socket) => {
    const name = connectionName(socket);
    sockets.add(socket);
    undecided.set(name, socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      sockets.delete(socket);
      if (undecided.get(name) === socket) {
        undecided.delete(name);
      }
    });
    if (identity === undefined) {
      decide(socket, (http2Speaker) => decided(socket, http2Speaker));
    }
  });
  return {
    server,
    drain: async () => {
      server.close();
      http1Drain.begin();
      for (const socket of undecided.values()) {
        socket.destroy();
      }
      for (const session of sessions) {
        session.close();
      }
      await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    },
    destroy: () => {
      for (const session of sessions) {
        session.destroy();
      }
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
    },
  };
}

/** Reads until the first bytes tell which protocol follows, and puts them back. */
function decide(socket: Socket, decided: (http2Speaker: boolean) => void): void {
  let first = Buffer.alloc(0);
  const onTimeout = (): void => void socket.destroy();
  const onReadable = (): void => {
    // Null when the client has closed: reading it lets the socket end.
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      return;
    }
    first = Buffer.concat([first, chunk]);
    const compared = first.subarray(0, preface.length);
    const possible = compared.equals(preface.subarray(0, compared.length));
    if (possible && compared.length < preface.length) {
      return;
    }
    socket.off("readable", onReadable);
    socket.off("timeout", onTimeout);
    socket.setTimeout(0);
    socket.unshift(first);
    decided(possible);
  };
  socket.on("readable", onReadable);
  socket.on("timeout", onTimeout);
  socket.setTimeout(undecidedTimeoutMs);
}
