import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { ModelGateway } from "./model-gateway.ts";

/*
 * The model of the gateway on a real port, and beside it an empty page and this package's sources as modules that a browser
 * takes: their types are blanked out, their imports stay as they are.
 */

export interface ModelServer {
  readonly gateway: ModelGateway;
  /** Of the page. */
  readonly url: string;
  readonly webSocketUrl: string;
  /** Ends all connections as a killed process does, and takes no new ones until `start`. */
  kill(): void;
  start(): void;
  close(): Promise<void>;
}

const sources = join(import.meta.dirname, "..", "src");

export async function startModelServer(): Promise<ModelServer> {
  const gateway = new ModelGateway();
  let isUp = true;
  const http = createServer(async ({ url = "/" }, response) => {
    const path = /^\/src\/((?:tabs\/)?[a-z-]+\.ts)$/.exec(url)?.[1];
    if (path === undefined) {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>tab</title>");
      return;
    }
    const source = await readFile(join(sources, path), "utf8");
    response.setHeader("content-type", "text/javascript").end(stripTypeScriptTypes(source));
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    if (!isUp) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = gateway.open({
        send: (text) => webSocket.send(text),
        close: (code, reason) => webSocket.close(code, reason),
      });
      webSocket.on("message", (data) => connection.receive(String(data)));
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
  return {
    gateway,
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
}
