import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { createRestListener } from "./node-rest-listener.ts";
import { createRestHandler, type RestHandlerOptions } from "./rest-handler.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const { service, item } = scriptedService({
  Get: { rule: { pattern: { case: "get", value: "/items/{id}" } } },
  Create: { rule: { pattern: { case: "post", value: "/items" }, body: "*" } },
  Watch: { rule: { pattern: { case: "get", value: "/items:watch" } }, serverStreaming: true },
});

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

/** Requests without a route are answered by 404 with the length of their body, so that tests see it was left unread. */
async function listen(options: Partial<RestHandlerOptions> = {}): Promise<{ url: string; port: number }> {
  const handler = createRestHandler({ services: [service], invoke: async (_, message) => ({ message }), ...options });
  const listener = createRestListener(handler);
  const server = createServer(async (req, res) => {
    if (!(await listener(req, res))) {
      let bytes = 0;
      for await (const chunk of req) {
        bytes += (chunk as Uint8Array).byteLength;
      }
      res.writeHead(404).end(String(bytes));
    }
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

describe("createRestListener", () => {
  test("serves a request with query and body", async () => {
    const { url } = await listen();
    const got = await fetch(`${url}/items/a%20b?count=2`);
    expect(got.status).toBe(200);
    expect(await got.json()).toMatchObject({ id: "a b", count: 2 });
    const body = JSON.stringify({ displayName: "ü".repeat(50_000) });
    const made = await fetch(`${url}/items`, { method: "POST", body, headers: { "content-type": "application/json" } });
    expect(await made.json()).toMatchObject({ displayName: "ü".repeat(50_000) });
  });

  test("leaves a request without a route, and its body, to the caller", async () => {
    const { url } = await listen();
    const response = await fetch(`${url}/elsewhere`, { method: "POST", body: "12345" });
    expect([response.status, await response.text()]).toEqual([404, "5"]);
  });

  test("keeps every Set-Cookie header apart", async () => {
    const headers = new Headers([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    const { url } = await listen({ invoke: async (_, message) => ({ message, headers }) });
    expect((await fetch(`${url}/items/1`)).headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  test("sends a stream item by item, and ends the call when the client goes away", async () => {
    const ended = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    async function* items() {
      try {
        yield create(item);
        await second.promise;
        for (;;) {
          yield create(item);
        }
      } finally {
        ended.resolve();
      }
    }
    const { url } = await listen({ invoke: async () => ({ messages: items() }) });
    const client = new AbortController();
    const response = await fetch(`${url}/items:watch`, { signal: client.signal });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const reader = (response.body ?? new ReadableStream()).getReader();
    // The first item is here although the second is not.
    expect(new TextDecoder().decode((await reader.read()).value as Uint8Array)).toMatch(/^\{"result":.*\}\n$/);
    second.resolve();
    await reader.read();
    client.abort();
    await ended.promise;
  });

  test("sends a stream to its end", async () => {
    async function* items() {
      yield create(item);
      yield create(item);
    }
    const { url } = await listen({ invoke: async () => ({ messages: items() }) });
    expect((await (await fetch(`${url}/items:watch`)).text()).trimEnd().split("\n")).toHaveLength(2);
  });

  test("answers OPTIONS with the methods of a path", async () => {
    const { url } = await listen();
    const response = await fetch(`${url}/items/1`, { method: "OPTIONS" });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
  });

  test("answers HEAD without a body", async () => {
    const { url } = await listen();
    const response = await fetch(`${url}/items/1`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("takes a target that is a whole URL", async () => {
    const { port } = await listen();
    const socket = connect(port, "127.0.0.1");
    socket.write("GET http://example.test/items/7?count=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of socket) {
      text += chunk;
    }
    expect(text).toContain("200 OK");
    expect(text).toContain('"id":"7"');
  });

  test("refuses a body that declares itself too large, and one that grows too large", async () => {
    const { port } = await listen({ maxBodyBytes: 1000 });
    const cases: [Record<string, string>, number][] = [
      [{ "content-length": "5000" }, 10],
      [{ "transfer-encoding": "chunked" }, 2000],
    ];
    for (const [headers, sentBytes] of cases) {
      const req = httpRequest({ port, host: "127.0.0.1", method: "POST", path: "/items", headers });
      // Only part of the body is sent: the answer must not wait for the rest.
      req.write("x".repeat(sentBytes));
      const [response] = (await once(req, "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(413);
      expect(response.headers.connection).toBe("close");
      req.on("error", () => {});
      req.destroy();
    }
  });

  test("aborts the signal when the client goes away", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const invoked = Promise.withResolvers<void>();
    const { url } = await listen({
      invoke: (_, __, { signal }) => {
        invoked.resolve();
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.resolve(signal.reason);
            reject(signal.reason);
          });
        });
      },
    });
    const client = new AbortController();
    const response = fetch(`${url}/items/1`, { signal: client.signal });
    await invoked.promise;
    client.abort();
    await expect(response).rejects.toThrow();
    expect(String(await aborted.promise)).toContain("the client closed the connection");
  });

  test("ends the request when the client goes away in the middle of its body", async () => {
    const failed = Promise.withResolvers<unknown>();
    const { port } = await listen({ onError: (error) => failed.resolve(error) });
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    await once(socket, "connect");
    socket.end();
    expect(String(await failed.promise)).toContain("the client closed the connection");
  });
});
