import { once } from "node:events";
import { Agent, get, type IncomingMessage, type RequestListener } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createH2cServer, type H2cServer } from "../src/server/h2c-server.ts";
import { serverListener } from "../src/server/ports.ts";
import { until } from "../src/testing/until.ts";

const cleanups: (() => unknown)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    cleanup();
  }
});

const echo: RequestListener = (request, response) =>
  response.end(`${request.httpVersion} ${request.method} ${request.url}`);

async function serve(
  handler: RequestListener = echo,
): Promise<{ server: H2cServer; port: number; open: () => number }> {
  const server = createH2cServer(handler);
  let sockets = 0;
  server.server.on("connection", (socket: Socket) => {
    sockets += 1;
    socket.once("close", () => (sockets -= 1));
  });
  cleanups.push(() => server.destroy());
  return { server, port: await serverListener(server.server).listen(0, "127.0.0.1"), open: () => sockets };
}

async function dial(port: number): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return { socket, received: () => received };
}

function session(port: number): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on("error", () => undefined);
  cleanups.push(() => client.destroy());
  return client;
}

async function ask(client: ClientHttp2Session, path: string): Promise<string> {
  const stream = client.request({ ":path": path });
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
  }
  return text;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
  }
  return text;
}

/** Sends bytes so that each arrives alone. */
async function trickle(socket: Socket, text: string): Promise<void> {
  socket.setNoDelay(true);
  for (const letter of text) {
    await new Promise((resolve) => socket.write(letter, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("one port", () => {
  test("speaks HTTP/2 and HTTP/1.1", async () => {
    const { port } = await serve();
    expect(await ask(session(port), "/two")).toBe("2.0 GET /two");
    expect(await (await fetch(`http://127.0.0.1:${port}/one`)).text()).toBe("1.1 GET /one");
  });

  test.each(["GET", "POST", "PUT", "PATCH", "PROPFIND"])(
    "serves an HTTP/1.1 %s whose first bytes arrive one by one",
    async (method) => {
      const { port } = await serve();
      const { socket, received } = await dial(port);
      await trickle(socket, method);
      socket.write(" /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      await until("it is answered", () => received().includes(`1.1 ${method} /slow`));
    },
  );

  test("serves HTTP/2 whose preface arrives byte by byte", async () => {
    const { port } = await serve();
    const { socket, received } = await dial(port);
    await trickle(socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // An empty SETTINGS frame; the server's own is answered to.
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    await until("the settings are acknowledged", () => received().includes("\0\0\0\u0004\u0001\0\0\0\0"));
  });

  test("passes on a body that arrived with the head", async () => {
    const { port } = await serve((request, response) => void textOf(request).then((text) => response.end(`[${text}]`)));
    const { socket, received } = await dial(port);
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    await until("it is answered", () => received().includes("[hello]"));
  });

  test("answers what is no HTTP with 400", async () => {
    const { port } = await serve();
    const { socket, received } = await dial(port);
    socket.write("\u0016\u0003\u0001 this is TLS, or so\r\n\r\n");
    await until("it is refused", () => received().startsWith("HTTP/1.1 400"));
  });

  test("survives clients that leave at any moment", async () => {
    const { port, open } = await serve();
    for (const text of ["", "P", "PR", "PRI * HT", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"]) {
      for (const leave of ["end", "resetAndDestroy"] as const) {
        const { socket } = await dial(port);
        await trickle(socket, text);
        socket[leave]();
      }
    }
    await until("all are gone", () => open() === 0);
    expect(await ask(session(port), "/")).toBe("2.0 GET /");
  });
});

describe("a drain", () => {
  test("is not held up by connections that said nothing, little, or are idle", async () => {
    const { server, port, open } = await serve();
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    await dial(port);
    const little = await dial(port);
    await trickle(little.socket, "PR");
    const half = await dial(port);
    await trickle(half.socket, "GET / HTTP/1.1\r\n");
    const [response] = (await once(get({ port, host: "127.0.0.1", agent }), "response")) as [IncomingMessage];
    await textOf(response);
    await ask(session(port), "/");
    expect(open()).toBe(5);
    await server.drain();
    expect(open()).toBe(0);
  });

  test("lets the calls in flight end, and their connections after them", async () => {
    const gate = Promise.withResolvers<void>();
    let arrived = 0;
    const { server, port } = await serve((request, response) => {
      arrived += 1;
      void gate.promise.then(() => echo(request, response));
    });
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    const one = once(get({ port, host: "127.0.0.1", agent }), "response") as Promise<[IncomingMessage]>;
    const two = ask(session(port), "/two");
    await until("both are in flight", () => arrived === 2);
    let drained = false;
    const draining = server.drain().then(() => (drained = true));
    await expect(fetch(`http://127.0.0.1:${port}/late`)).rejects.toThrow();
    expect(drained).toBe(false);
    gate.resolve();
    expect(await two).toBe("2.0 GET /two");
    expect(await textOf((await one)[0])).toBe("1.1 GET /");
    await draining;
  });

  test("does not cut an answer that is still being written", async () => {
    const size = 8 * 1024 * 1024;
    let answered = false;
    const { server, port } = await serve((_request, response) => {
      response.end(Buffer.alloc(size, "x"));
      answered = true;
    });
    const [response] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
    expect(answered).toBe(true);
    const draining = server.drain();
    expect((await textOf(response)).length).toBe(size);
    await draining;
  });

  test("resolves when the client has begun to close its session by itself", async () => {
    const gate = Promise.withResolvers<void>();
    let arrived = false;
    const { server, port } = await serve((request, response) => {
      arrived = true;
      void gate.promise.then(() => echo(request, response));
    });
    const client = session(port);
    const pending = ask(client, "/");
    await until("it is in flight", () => arrived);
    client.close();
    const draining = server.drain();
    gate.resolve();
    expect(await pending).toBe("2.0 GET /");
    await draining;
  });

  test("cuts everything when it is destroyed", async () => {
    const { server, port, open } = await serve(() => undefined);
    const { socket } = await dial(port);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const pending = ask(session(port), "/").catch(() => "cut");
    await until("both are connected", () => open() === 2);
    const draining = server.drain();
    server.destroy();
    await draining;
    expect(["cut", ""]).toContain(await pending);
    expect(open()).toBe(0);
  });
});
