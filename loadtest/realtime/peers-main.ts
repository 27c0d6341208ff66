import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { WebSocket, WebSocketServer } from "ws";
import { type LiveContenderId, liveMessage } from "./dialects.ts";
import { answerLiveOrders } from "./live-process.ts";
import { Arrivals, type Publish, runPublishing } from "./publishing.ts";

/*
 * The server process of a peer. Both publish from within the process, without a broker, permissions, or positions: what they
 * are asked to do is the least that sends a message to everybody in a channel, in the way their makers describe it.
 * Socket.IO runs with its default engine, ws, on WebSockets only, without its Redis adapter; ws without compression.
 */

const arrivals = new Arrivals();
let publish: Publish = () => {
  throw new Error("nothing is served yet");
};

/** Resolves to the port. */
async function serve(contender: LiveContenderId): Promise<number> {
  const http = createServer((_request, response) => response.end());
  publish = contender === "ws" ? serveWs(http) : serveSocketIo(http);
  // More come at once here than anywhere else.
  await new Promise<void>((resolve) => http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, resolve));
  return (http.address() as AddressInfo).port;
}

function serveSocketIo(http: ReturnType<typeof createServer>): Publish {
  const io = new Server(http, { transports: ["websocket"], serveClient: false });
  io.on("connection", (socket) => {
    socket.on("subscribe", (channel: string, confirm: () => void) => {
      void socket.join(channel);
      confirm();
    });
  });
  return ({ channel, first }) => {
    io.to(channel).emit("push", liveMessage(first));
    return undefined;
  };
}

function serveWs(http: ReturnType<typeof createServer>): Publish {
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  const channels = new Map<string, Set<WebSocket>>();
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("message", (data) => {
      const { subscribe: channel } = JSON.parse(String(data)) as { subscribe: string };
      const readers = channels.get(channel) ?? new Set();
      channels.set(channel, readers.add(socket));
      socket.once("close", () => readers.delete(socket));
      socket.send(JSON.stringify({ subscribed: channel }));
    });
  });
  return ({ channel, first }) => {
    const text = JSON.stringify({ push: liveMessage(first) });
    for (const socket of channels.get(channel) ?? []) {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(text);
      }
    }
    return undefined;
  };
}

answerLiveOrders(
  async (order) => {
    switch (order.kind) {
      case "serve":
        return serve(order.contender);
      case "publish-closed":
      case "publish-open":
        return runPublishing(order, publish, arrivals);
      default:
        throw new Error(`a server does not know the order ${order.kind}`);
    }
  },
  ({ arrived }) => {
    arrivals.arrived = arrived;
  },
);
