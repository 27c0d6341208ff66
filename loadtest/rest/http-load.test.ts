import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { runHttpLoad } from "./http-load.ts";
import { userJson } from "./user.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const order = { kind: "http-load", authorization: "Bearer t", connections: 4, warmUpMs: 0, measureMs: 100 } as const;
const idOf = (url = "") => url.slice(url.lastIndexOf("/") + 1);

describe("a load over HTTP", () => {
  it("asks again as soon as it is answered, with the token, and for no user twice at a time", async () => {
    const asked = new Set<string>();
    const faults: string[] = [];
    const port = await serve((request, response) => {
      const id = idOf(request.url);
      if (asked.has(id) || request.headers.authorization !== "Bearer t") {
        faults.push(id);
      }
      asked.add(id);
      setImmediate(() => {
        asked.delete(id);
        response.end(userJson(id));
      });
    });
    const result = await runHttpLoad({ ...order, port });
    expect(result).toMatchObject({ wrong: 0, firstError: undefined });
    expect(result.calls).toBeGreaterThan(0);
    expect(result.allCalls).toBeGreaterThanOrEqual(result.calls);
    expect(faults).toEqual([]);
  });

  it("reads an answer that comes in pieces", async () => {
    const port = await serve((request, response) => {
      const answer = userJson(idOf(request.url));
      response.setHeader("content-length", answer.length);
      response.write(answer.slice(0, 20));
      setImmediate(() => response.end(answer.slice(20)));
    });
    expect(await runHttpLoad({ ...order, port })).toMatchObject({ wrong: 0 });
  });

  it("counts an answer to somebody else as wrong, and another status", async () => {
    const mixedUp = await serve((_, response) => response.end(userJson("u-0000000000")));
    expect((await runHttpLoad({ ...order, port: mixedUp })).firstError).toMatch(/answered with .* instead of/);
    const refusing = await serve((_, response) => response.writeHead(429).end("too many"));
    const refused = await runHttpLoad({ ...order, port: refusing });
    expect(refused.wrong).toBe(refused.allCalls);
    expect(refused.firstError).toMatch(/429/);
  });

  it("sends at a rate what its schedule holds, and times each", async () => {
    const port = await serve((request, response) => void response.end(userJson(idOf(request.url))));
    const result = await runHttpLoad({ ...order, port, callsPerSecond: 200, warmUpMs: 50 });
    expect(result).toMatchObject({ allCalls: 30, wrong: 0 });
    expect(result.p99Ms).toBeGreaterThan(0);
  });
});
