import { connect } from "node:net";
import { FakeClock, until } from "@weft/mesh/testing";
import { describe, expect, it } from "vitest";
import type { HttpResponse, HttpServer } from "../src/http/http-server.ts";
import { createUwsServer } from "../src/http/uws-server.ts";

const bodyBytes = 32 * 1024 * 1024;
const sendTimeoutMs = 30_000;

async function* inPieces(): AsyncIterable<Uint8Array> {
  for (let at = 0; at < 32; at += 1) {
    yield new Uint8Array(bodyBytes / 32);
  }
}

/** A server that answers everything with the same body, and a client that reads nothing until it is told to. */
async function start(
  body: HttpResponse["body"],
  clock: FakeClock,
): Promise<{ server: HttpServer; read(): Promise<number> }> {
  const server = createUwsServer(
    {
      handler: async () => ({ status: 200, headers: new Headers(), body }),
      webSocket: {
        path: "/ws",
        frameMaxBytes: 1024,
        idleTimeoutSeconds: 60,
        upgrade: () => Promise.reject(new Error("not asked for")),
      },
      bodyMaxBytes: 1024,
      bodyTimeoutMs: 1000,
      sendTimeoutMs,
    },
    clock,
  );
  const socket = connect(await server.listen("127.0.0.1", 0), "127.0.0.1");
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("the answer waits for its reader", () => clock.pendingTimers === 1);
  /** Reads until the server has closed, or all is there; gives how many bytes came. */
  const read = () =>
    new Promise<number>((resolve) => {
      let bytes = 0;
      socket.on("data", (chunk) => {
        bytes += chunk.byteLength;
        if (bytes > bodyBytes) {
          socket.destroy();
        }
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(bytes));
      socket.resume();
    });
  return { server, read };
}

describe.each([
  ["an answer in one piece", () => new Uint8Array(bodyBytes)],
  ["a stream", inPieces],
])("%s", (_, body) => {
  it("is cut off when its client takes nothing for too long", async () => {
    const clock = new FakeClock();
    const { server, read } = await start(body(), clock);
    await clock.advance(sendTimeoutMs);
    expect(await read()).toBeLessThan(bodyBytes);
    expect(clock.pendingTimers).toBe(0);
    server.close();
  });

  it("reaches a client that reads late, but in time", async () => {
    const clock = new FakeClock();
    const { server, read } = await start(body(), clock);
    await clock.advance(sendTimeoutMs - 1);
    expect(await read()).toBeGreaterThan(bodyBytes);
    await until("nothing is left to wait for", () => clock.pendingTimers === 0);
    server.close();
  });
});
