import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Lets an HTTP/1.1 server end without cutting an answer. Node can close connections that are idle at the moment, but one
 * whose answer ends a moment later is kept alive for seconds, and one whose answer is still being written counts as idle.
 * So the answers of each connection are counted here: a connection is closed once nothing is asked on it, at once or when
 * its last answer has been handed over. A client that is still sending the head of a request has not been heard yet.
 */
export interface Http1Drain {
  /** Closes every connection as soon as it has no request under way. Repeating it does nothing. */
  begin(): void;
}

/** Watches all requests of a server; to be called before the first one. */
export function trackHttp1(server: Server): Http1Drain {
  const requestsOf = new Map<Socket, number>();
  let draining = false;
  server.on("connection", (socket: Socket) => {
    requestsOf.set(socket, 0);
    socket.once("close", () => requestsOf.delete(socket));
    if (draining) {
      socket.destroy();
    }
  });
  server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    requestsOf.set(socket, (requestsOf.get(socket) ?? 0) + 1);
    if (draining) {
      response.shouldKeepAlive = false;
    }
    response.once("close", () => {
      const left = (requestsOf.get(socket) ?? 1) - 1;
      if (requestsOf.has(socket)) {
        requestsOf.set(socket, left);
      }
      if (draining && left === 0) {
        socket.destroySoon();
      }
    });
  });
  return {
    begin: () => {
      draining = true;
      for (const [socket, requests] of requestsOf) {
        if (requests === 0) {
          socket.destroySoon();
        }
      }
    },
  };
}
