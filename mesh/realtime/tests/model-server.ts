import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { ModelGateway, positionsOf } from "./model-gateway.ts";
import { bytesOfServerFrame, textOfClientFrame } from "./model-protobuf.ts";

/*
 * The model of the gateway on a real port, and beside it an empty page and this package's sources as modules that a browser
 * takes: their types are blanked out, their imports stay as they are.
 */

export interface ModelServer {
  readonly gateway: ModelGateway;
  /** Of the page. */
  readonly url: string;
  readonly webSocketUrl: string;
  /** Subprotocol of each WebSocket that was opened. */
  readonly subprotocols: readonly string[];
  /** Whether WebSockets are refused, and nothing else. */
  blocksWebSockets: boolean;
  /** Ends all connections as a killed process does, and takes no new ones until `start`. */
  kill(): void;
  start(): void;
  close(): Promise<void>;
}

const sources = join(import.meta.dirname, "..", "src");

export async function startModelServer(): Promise<ModelServer> {
  const gateway = new ModelGateway();
  let isUp = true;
  const http = createServer(async (request, response) => {
    const { url = "/" } = request;
    if (url.startsWith("/api/")) {
      if (isUp) {
        answerApi(gateway, request, response);
      } else {
        response.destroy();
      }
      return;
    }
    const path = /^\/src\/((?:(?:tabs|protobuf)\/)?[a-z-]+\.ts)$/.exec(url)?.[1];
    if (path === undefined) {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>tab</title>");
      return;
    }
    const source = await readFile(join(sources, path), "utf8");
    response.setHeader("content-type", "text/javascript").end(stripTypeScriptTypes(source));
  });
  const sockets = new WebSocketServer({ noServer: true });
  const subprotocols: string[] = [];
  http.on("upgrade", (request, socket, head) => {
    if (!isUp || server.blocksWebSockets) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      subprotocols.push(webSocket.protocol);
      const isBinary = webSocket.protocol === "weft.v1.proto";
      const connection = gateway.open({
        send: (text) => webSocket.send(isBinary ? bytesOfServerFrame(text) : text),
        close: (code, reason) => webSocket.close(code, reason),
      });
      webSocket.on("message", (data) =>
        connection.receive(isBinary ? textOfClientFrame(data as Buffer) : String(data)),
      );
      webSocket.on("close", () => connection.closed());
      webSocket.on("error", () => undefined);
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const kill = () => {
    isUp = false;
    for (const socket of sockets.clients) {
      socket.terminate();
    }
  };
  const server: ModelServer = {
    gateway,
    blocksWebSockets: false,
    subprotocols,
    url: `http://127.0.0.1:${port}/`,
    webSocketUrl: `ws://127.0.0.1:${port}/ws`,
    kill,
    start: () => {
      isUp = true;
    },
    close: async () => {
      kill();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
  return server;
}

/** Tickets and streams of events. */
function answerApi(gateway: ModelGateway, { url = "", headers }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, "http://host");
  const ticket = searchParams.get("ticket");
  const token = ticket === null ? headers.authorization?.slice("Bearer ".length) : gateway.redeem(ticket);
  if (token === undefined || !gateway.isValid(token)) {
    response.writeHead(401, { "content-type": "application/json" }).end('{"code":"unauthenticated"}');
    return;
  }
  if (pathname === "/api/realtime/tickets") {
    const body = { ticket: gateway.issue(token), expiresInSeconds: 30 };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }).write(":\n\n");
  const connection = gateway.open({
    send: (text) => response.write(`data: ${text}\n\n`),
    close: (code, reason) => response.end(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`),
  });
  connection.token = token;
  response.on("close", () => connection.closed());
  const positions = positionsOf(String(headers["last-event-id"] ?? ""));
  (searchParams.get("channels") ?? "").split(",").forEach((channel, at) => {
    const [epoch = "none", offset = 0] = positions.get(channel) ?? [];
    connection.receive(JSON.stringify({ id: at + 1, subscribe: { channel, recover: { epoch, offset } } }));
  });
}
