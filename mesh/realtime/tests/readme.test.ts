import { readFile } from "node:fs/promises";
import { until } from "@weft/mesh/testing";
import { expect, it } from "vitest";
import { connect, type RealtimeClient, realtimeErrorCodes } from "../src/index.ts";
import { startModelServer } from "./model-server.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

it("shows a client that runs as it is written, here on Node's own WebSocket", async () => {
  const source =
    /<!-- run by mesh\/realtime\/tests\/readme\.test\.ts -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const server = await startModelServer();
  const body = source.replace(/^import .*\n/gm, "").replace("wss://gateway.example/ws", server.webSocketUrl);
  const shown: string[] = [];
  const names = {
    connect,
    session: { accessToken: async () => "token" },
    api: { getProject: async () => ({ name: "old", version: 1 }) },
    show: (status: string) => shown.push(status),
  };
  const run = new Function(...Object.keys(names), `${body}\nreturn { client, subscription, now: () => project };`);
  const { client, subscription, now } = run(...Object.values(names)) as {
    readonly client: RealtimeClient;
    readonly subscription: { unsubscribe(): void };
    readonly now: () => unknown;
  };
  try {
    await until("it is subscribed", () => shown.includes("subscribed"));
    server.gateway.publish("project:7", { name: "new", version: 2 });
    await until("the change has come", () => JSON.stringify(now()) === '{"name":"new","version":2}');
    expect(shown).toEqual(["loading", "subscribed"]);
    subscription.unsubscribe();
    await until("it is unsubscribed", () => server.gateway.count("unsubscribe") === 1);
  } finally {
    client.close();
    await server.close();
  }
});

it("lists every error with what the client does about it", () => {
  const listed = [...readme.matchAll(/^\| `(\w+)` \| (yes|no) \| (.+) \|$/gm)];
  expect(listed.map(([, code, retryable, message]) => [code, retryable === "yes", message])).toEqual(
    Object.entries(realtimeErrorCodes).map(([code, { retryable, message }]) => [code, retryable, message]),
  );
});

it("gives the defaults that hold", async () => {
  const source = await readFile(new URL("../src/options.ts", import.meta.url), "utf8");
  const held = new Map(
    [...source.matchAll(/^ {2}(\w+Ms|maxWaitingMessages): ([\d_]+),$/gm)].map(([, name, value]) => [
      name,
      Number(value?.replaceAll("_", "")),
    ]),
  );
  const rows = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+) \|/gm)];
  const given = rows.flatMap(([, names = "", values = ""]) => {
    const numbers = values.split(",").map(Number);
    return [...names.matchAll(/`(\w+)`/g)].map(([, name], index) => [name, numbers[index]] as const);
  });
  expect(new Map(given)).toEqual(held);
});
