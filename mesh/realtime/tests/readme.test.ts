import { readFile } from "node:fs/promises";
import { until } from "@weft/mesh/testing";
import { expect, it } from "vitest";
import { connect, createTicketSource, type RealtimeClient, realtimeErrorCodes } from "../src/index.ts";
import { startModelServer } from "./model-server.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

/** The examples, in order, joined and made to run here. */
const example = [...readme.matchAll(/<!-- run by mesh\/realtime\/tests\/readme\.test\.ts -->\n```ts\n([\s\S]*?)```/g)]
  .map(([, source = ""]) => source.replace(/^import .*\n/gm, ""))
  .join("\n");

it("shows a client that runs as it is written, here on Node's own WebSocket", async () => {
  const server = await startModelServer();
  const body = example
    .replaceAll("wss://gateway.example/ws", server.webSocketUrl)
    .replaceAll("https://gateway.example/", server.url);
  const shown: unknown[] = [];
  const names = {
    connect,
    createTicketSource,
    session: { accessToken: async () => "token" },
    api: { getProject: async () => ({ name: "old", version: 1 }) },
    show: (status: string) => shown.push(status),
    showPeople: (people: unknown) => shown.push(people),
    showCursor: (user: string, cursor: unknown) => shown.push({ [user]: cursor }),
  };
  const results = "{ client, byTicket, subscription, moved, now: () => project }";
  const run = new Function(...Object.keys(names), `${body}\nreturn ${results};`);
  const { client, byTicket, subscription, moved, now } = run(...Object.values(names)) as {
    readonly client: RealtimeClient;
    readonly byTicket: RealtimeClient;
    readonly subscription: { unsubscribe(): void };
    readonly moved: (cursor: unknown) => Promise<void>;
    readonly now: () => unknown;
  };
  try {
    await until("it is subscribed", () => shown.includes("subscribed"));
    server.gateway.publish("project:7", { name: "new", version: 2 });
    await until("the change has come", () => JSON.stringify(now()) === '{"name":"new","version":2}');
    expect(shown.filter((each) => typeof each === "string")).toEqual(["loading", "subscribed"]);
    await until("people are shown", () => shown.some(Array.isArray));
    await moved([3, 4]);
    await until("the cursor is shown", () => shown.some((each) => JSON.stringify(each) === '{"ada":[3,4]}'));
    await until("the other is connected", () => byTicket.state.status === "connected");
    expect(server.gateway.received).toContainEqual({ command: "connect", body: { ticket: "ticket1 of token" } });
    subscription.unsubscribe();
    await until("it is unsubscribed", () => server.gateway.count("unsubscribe") === 1);
  } finally {
    client.close();
    byTicket.close();
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
    [...source.matchAll(/^ {2}(\w+Ms|maxWaitingMessages|webSocketAttempts): ([\d_]+),$/gm)].map(([, name, value]) => [
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
