import { existsSync } from "node:fs";
import { until } from "@weft/mesh/testing";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ModelServer, startModelServer } from "./model-server.ts";

/*
 * The client in a real browser, with its WebSocket, its locks, its BroadcastChannel and its idea of being offline, which no
 * fake shows to be understood rightly.
 */

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const whySkipped = "there is no Chromium in /usr/bin";
const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

const channel = "project:p";
const room = "room:p";
let browser: Browser | undefined;
let context: BrowserContext;
let server: ModelServer;
let complaints: string[];

beforeAll(async () => {
  if (executablePath !== undefined) {
    browser = await chromium.launch({ executablePath, args: flags });
  }
});
afterAll(() => browser?.close());
beforeEach(async ({ skip }) => {
  skip(browser === undefined, whySkipped);
  complaints = [];
  server = await startModelServer();
  context = await (browser as Browser).newContext();
});
afterEach(async () => {
  await context.close();
  await server.close();
});

interface TabOptions {
  readonly shared?: boolean;
  readonly reconnectBaseMs?: number;
  readonly webSocketAttempts?: number;
  readonly wakeTimeoutMs?: number;
  /** Whose token it has. */
  readonly user?: string;
  /** Whether it connects by tickets, for its token. */
  readonly byTicket?: boolean;
  /** Whether it speaks protobuf. */
  readonly inProtobuf?: boolean;
}

/** A tab that subscribes to a channel, and keeps what it is told as `told`, and who is there as `present`. */
async function openTab(options: TabOptions = {}, subscribed = channel): Promise<Page> {
  const { user = "ada", byTicket = false, inProtobuf = false, ...others } = options;
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(server.url);
  await page.evaluate(`(async () => {
    const { connect, createTicketSource } = await import("/src/index.ts");
    const form = ${inProtobuf} ? { format: (await import("/src/protobuf/index.ts")).protobuf } : {};
    const token = () => ${JSON.stringify(user)};
    const options = { reconnectBaseMs: 100, reconnectMaxMs: 600_000, ...${JSON.stringify(others)} };
    const credential = ${byTicket} ? { ticket: createTicketSource({ url: "/api/realtime/tickets", token }) } : { token };
    globalThis.told = [];
    globalThis.present = [];
    globalThis.client = connect(${JSON.stringify(server.webSocketUrl)}, { ...credential, ...form, ...options });
    globalThis.subscription = client.subscribe(${JSON.stringify(subscribed)}, {
      options: ${JSON.stringify(subscribed === room ? { presence: true } : {})},
      onMessage: (message, { from }) => told.push(from === undefined ? message : from + ": " + message),
      onPresence: ({ joined, left }) =>
        present.push(...joined.map((name) => "+" + name), ...left.map((name) => "-" + name)),
      onState: ({ status, recovered }) => told.push(status === "subscribed" ? "recovered: " + recovered : status),
    });
  })()`);
  return page;
}

const told = (page: Page): Promise<unknown[]> => page.evaluate("told");

/** Waits until the tab was told `what`, and gives all that it was told. */
async function toldOf(page: Page, what: unknown): Promise<unknown[]> {
  await until(`a tab is told ${what}`, async () => (await told(page)).includes(what));
  return told(page);
}

describe("in Chromium", () => {
  it.each([
    ["JSON", "weft.v1"],
    ["protobuf", "weft.v1.proto"],
  ])("a tab whose server is killed comes back and has lost nothing (%s)", async (form, subprotocol) => {
    const page = await openTab({ inProtobuf: form === "protobuf" });
    await toldOf(page, "recovered: false");
    server.gateway.publish(channel, 1);
    await toldOf(page, 1);
    server.kill();
    server.gateway.publish(channel, 2);
    await toldOf(page, "subscribing");
    server.gateway.publish(channel, 3);
    server.start();
    await toldOf(page, "recovered: true");
    server.gateway.publish(channel, 4);
    expect(await toldOf(page, 4)).toEqual(["recovered: false", 1, "subscribing", "recovered: true", 2, 3, 4]);
    expect(new Set(server.subprotocols)).toEqual(new Set([subprotocol]));
    expect(complaints).toEqual([]);
  });

  it("two tabs share one connection, and one goes on where the other's is closed", async () => {
    const first = await openTab({ shared: true });
    await toldOf(first, "recovered: false");
    const second = await openTab({ shared: true });
    await toldOf(second, "recovered: false");
    expect(server.gateway.connections.size).toBe(1);
    expect(server.gateway.count("connect")).toBe(1);
    server.gateway.publish(channel, 1);
    await toldOf(first, 1);
    await toldOf(second, 1);
    await first.close();
    server.gateway.publish(channel, 2);
    await toldOf(second, 2);
    server.gateway.publish(channel, 3);
    const history = (await toldOf(second, 3)).filter((each) => each !== "subscribing");
    // The message may have come before the first tab was gone, or with the recovery.
    expect(history.filter((each) => typeof each === "number")).toEqual([1, 2, 3]);
    expect(history.filter((each) => each === "recovered: false")).toEqual(["recovered: false"]);
    await until("only one connection is left", () => server.gateway.connections.size === 1);
    expect(complaints).toEqual([]);
  });

  it("a page connects by tickets, one for each connection", async () => {
    const page = await openTab({ byTicket: true });
    await toldOf(page, "recovered: false");
    expect(server.gateway.received[0]).toEqual({ command: "connect", body: { ticket: "ticket1 of ada" } });
    server.kill();
    server.gateway.publish(channel, 1);
    await toldOf(page, "subscribing");
    server.start();
    expect(await toldOf(page, 1)).toEqual(["recovered: false", "subscribing", "recovered: true", 1]);
    expect(await page.evaluate("client.state.status")).toBe("connected");
    expect(complaints).toEqual([]);
  });

  it("two users see each other come and go, and hear what the other publishes", async () => {
    server.gateway.userOf = (token) => token;
    const ada = await openTab({ user: "ada" }, room);
    await until("ada sees herself", async () => (await ada.evaluate("present.join()")) === "+ada");
    const bob = await openTab({ user: "bob" }, room);
    await until(
      "bob sees both",
      async () => (await bob.evaluate("subscription.presence?.userIds?.join()")) === "ada,bob",
    );
    await until("ada sees bob", async () => (await ada.evaluate("present.join()")) === "+ada,+bob");
    await ada.evaluate('subscription.publish("hello", { key: "chat" })');
    await toldOf(bob, "ada: hello");
    await bob.evaluate('subscription.publish("good day")');
    await toldOf(ada, "bob: good day");
    server.gateway.refuseCommand = (command) =>
      command === "publish" ? { code: "resource_exhausted", message: "slower", retryAfterMs: 5 } : undefined;
    expect(
      await bob.evaluate("subscription.publish(1).catch(({ code, retryAfterMs }) => [code, retryAfterMs])"),
    ).toEqual(["rate_limited", 5]);
    await bob.close();
    await until("ada sees bob go", async () => (await ada.evaluate("present.join()")) === "+ada,+bob,-bob");
    expect(complaints).toEqual([]);
  });

  it("a page in a network that lets no WebSocket through streams events, and has lost nothing", async () => {
    server.blocksWebSockets = true;
    const page = await openTab({ webSocketAttempts: 1 });
    await toldOf(page, "recovered: false");
    expect(await page.evaluate("client.state.transport")).toBe("event_stream");
    server.gateway.publish(channel, 1);
    await toldOf(page, 1);
    server.gateway.closeAll(1012, "draining");
    server.gateway.publish(channel, 2);
    server.gateway.publish(channel, "näher");
    expect(await toldOf(page, "näher")).toEqual(["recovered: false", 1, "subscribing", "recovered: true", 2, "näher"]);
    await page.evaluate("client.close()");
    await until("the stream has ended", () => server.gateway.connections.size === 0);
    expect(complaints).toEqual([]);
  });

  it("a page whose network is cut and comes back has lost nothing", async () => {
    const page = await openTab({ wakeTimeoutMs: 200 });
    await toldOf(page, "recovered: false");
    await context.setOffline(true);
    server.gateway.publish(channel, 1);
    await toldOf(page, "subscribing");
    server.gateway.publish(channel, 2);
    await context.setOffline(false);
    server.gateway.publish(channel, 3);
    const history = await toldOf(page, 3);
    expect(history.filter((each) => typeof each === "number")).toEqual([1, 2, 3]);
    expect(history.filter((each) => each === "recovered: false")).toEqual(["recovered: false"]);
    expect(complaints).toEqual([]);
  });

  it("a tab that was offline tries at once when it is online", async () => {
    // Left alone, it would try again in minutes.
    const page = await openTab({ reconnectBaseMs: 600_000 });
    await toldOf(page, "recovered: false");
    server.kill();
    await toldOf(page, "subscribing");
    server.start();
    await until("an attempt of a moment in which it is online succeeds", async () => {
      await context.setOffline(true);
      await context.setOffline(false);
      return (await told(page)).includes("recovered: true");
    });
    await page.evaluate("client.close()");
    await until("the connection has ended", () => server.gateway.connections.size === 0);
    expect(complaints).toEqual([]);
  });
});
