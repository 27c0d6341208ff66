import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRouterTransport } from "@connectrpc/connect";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { expect, it } from "vitest";
import { createRestHandler, invokeThrough } from "../src/index.ts";
import { createRestListener } from "../src/node-rest-listener.ts";
import { openApiDocument } from "../src/openapi/index.ts";

it("shows a server that runs as it is written", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const source =
    /<!-- run by mesh\/transcoding\/tests\/readme\.test\.ts -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imported = {
    createServer,
    createRouterTransport,
    createRestHandler,
    createRestListener,
    invokeThrough,
    openApiDocument,
    UserService,
  };
  const names = [...source.matchAll(/^import \{ ([\w, ]+) \} from "[^"]+";$/gm)].flatMap(([, list]) =>
    list?.split(", "),
  );
  expect(names.sort()).toEqual(Object.keys(imported).sort());
  const body = source.replace(/^import .*\n/gm, "");
  const server = new Function(...Object.keys(imported), `${body}\nreturn server;`)(
    ...Object.values(imported),
  ) as Server;
  try {
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    expect(await (await get("/api/users/7")).json()).toMatchObject({ id: "7", username: "ada" });
    expect((await get("/api/users/7?nope=1")).status).toBe(400);
    expect((await get("/elsewhere")).status).toBe(404);
    const document = (await (await get("/openapi.json")).json()) as { readonly paths: object };
    expect(Object.keys(document.paths)).toEqual(["/api/users/{userId}"]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
