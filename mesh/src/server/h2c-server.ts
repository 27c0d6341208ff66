import { createServer as createHttp1Server, type Server as Http1Server, type RequestListener } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { trackHttp1 } from "./http1-drain.ts";

/**
 * One plain-text port for HTTP/2 and HTTP/1.1: gRPC needs the first, browsers and curl come with the second, and Node's
 * http2 server accepts only one of them without TLS. The first bytes tell: HTTP/2 opens with "PRI * HTTP/2.0"
 * (RFC 9113, 3.4). They may come one by one, and a POST begins like a PRI, so a connection is undecided until they do
 * tell; then the socket is handed over as if nobody had read from it.
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

export function createH2cServer(handler: RequestListener): H2cServer {
  const http2: Http2Server = createHttp2Server(
    {
      settings: { maxConcurrentStreams, initialWindowSize: streamWindowBytes },
      maxSessionMemory: 64,
      // A peer that cancels many calls at once is no attacker here; the default, a burst of 1000 and 33 a second, trips early.
      streamResetBurst: 10_000,
      streamResetRate: 1000,
    } as Parameters<typeof createHttp2Server>[0],
    handler as unknown as Parameters<typeof createHttp2Server>[1],
  );
  const http1: Http1Server = createHttp1Server(handler);
  const http1Drain = trackHttp1(http1);
  const sessions = new Set<ServerHttp2Session>();
  const undecided = new Set<Socket>();
  const sockets = new Set<Socket>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("error", () => session.destroy());
    session.once("close", () => sessions.delete(session));
  });
  http2.on("sessionError", () => undefined);
  const server = createNetServer((socket) => {
    sockets.add(socket);
    undecided.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    decide(socket, (http2Speaker) => {
      undecided.delete(socket);
      (http2Speaker ? http2 : http1).emit("connection", socket);
    });
  });
  return {
    server,
    drain: async () => {
      server.close();
      http1Drain.begin();
      for (const socket of undecided) {
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
