import type { Logger } from "@weft/mesh";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryRateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { createMemoryTicketStore } from "../src/ws/ticket-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { openSocket, refusedUpgrade, type TestSocket } from "./test-socket.ts";

/* One-time tickets as a page uses them (ASVS 5.0, 4.4.3 and 4.4.4). */

let harness: GatewayHarness;
let store: ReturnType<typeof createMemoryTicketStore>;
let logged: string[];
const sockets: TestSocket[] = [];

function recordingLogger(): Logger {
  const log = (...args: unknown[]) => void logged.push(JSON.stringify(args, (_, value) => value?.message ?? value));
  const levels = { trace: log, debug: log, info: log, warn: log, error: log, fatal: log };
  const logger = { ...levels, isLevelEnabled: () => true, child: () => logger };
  return logger as unknown as Logger;
}

beforeEach(async () => {
  logged = [];
  store = createMemoryTicketStore(() => performance.now());
  harness = await startGateway({
    tickets: store,
    // Its time stands still, so that no budget refills.
    rateLimits: createMemoryRateLimitStore(() => 0),
    logger: recordingLogger(),
    routes: (router) => router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) }),
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await harness.stop();
});

function ask(init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: "Bearer alice" };
  return fetch(`${harness.url}/api/realtime/tickets`, { method: "POST", headers, ...init });
}

async function ticketOfAlice(): Promise<string> {
  return ((await (await ask()).json()) as { ticket: string }).ticket;
}

async function open(options: Parameters<typeof openSocket>[1]): Promise<TestSocket> {
  const socket = await openSocket(harness.port, options);
  sockets.push(socket);
  return socket;
}

const refused = (options: Parameters<typeof refusedUpgrade>[1]) => refusedUpgrade(harness.port, options);
const reasonOf = (body: unknown) => JSON.stringify(body);

describe("asking for a ticket", () => {
  it("gives one with its lifetime, to be kept by nobody", async () => {
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("ratelimit-policy")).toContain("tickets");
    expect(await answer.json()).toEqual({ ticket: expect.stringMatching(/^[\w-]{64}$/), expiresInSeconds: 30 });
  });

  it("ASVS 4.4.4: takes an access token that is good, by POST", async () => {
    expect((await ask({ headers: {} })).status).toBe(401);
    expect((await ask({ headers: { authorization: "Bearer nonsense" } })).status).toBe(401);
    const wrong = await ask({ method: "GET" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  });

  it("is limited for each user", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
  });

  it("is answered with 503 while the store is away, and never without a ticket", async () => {
    store.away = true;
    const answer = await ask();
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(JSON.stringify(await answer.json())).toContain("TICKETS_UNAVAILABLE");
  });
});

describe("a ticket opens a connection in the place of the access token", () => {
  it("ASVS 4.4.3: in the query of the upgrade", async () => {
    const socket = await open({ query: `ticket=${await ticketOfAlice()}` });
    socket.send({ id: 1, subscribe: { channel: "project:p" } });
    expect(await socket.next()).toMatchObject({ id: 1, subscribed: { channel: "project:p" } });
    expect(harness.calls.at(-1)?.headers.get("authorization")).toBe("Bearer alice");
  });

  it("ASVS 4.4.3: in the list of subprotocols, of which the gateway names only its own", async () => {
    const socket = await open({ protocol: ["weft.v1", `ticket.${await ticketOfAlice()}`] });
    expect(socket.protocol).toBe("weft.v1");
    socket.send({ id: 1, ping: {} });
    expect(await socket.next()).toEqual({ id: 1, pong: {} });
    socket.send({ id: 2, subscribe: { channel: "project:p" } });
    expect(await socket.next()).toMatchObject({ id: 2, subscribed: {} });
  });

  it("ASVS 4.4.3: in the connect frame", async () => {
    const socket = await open({});
    socket.send({ id: 1, connect: { ticket: await ticketOfAlice() } });
    expect(await socket.next()).toMatchObject({ id: 1, connected: { userId: "user-alice" } });
  });
});

describe("a ticket is worth nothing", () => {
  it("ASVS 4.4.3: a second time, in an upgrade or in a frame", async () => {
    const ticket = await ticketOfAlice();
    await open({ query: `ticket=${ticket}` });
    const again = await refused({ query: `ticket=${ticket}` });
    expect([again.status, reasonOf(again.body)]).toEqual([401, expect.stringContaining("TICKET_INVALID")]);
    const socket = await open({});
    socket.send({ id: 1, connect: { ticket } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { reason: "TICKET_INVALID" } });
    expect(await socket.closed()).toEqual({ code: 4401, reason: "token_invalid" });
  });

  it("ASVS 4.4.4: after the logout of who asked for it", async () => {
    const [one, two] = [await ticketOfAlice(), await ticketOfAlice()];
    harness.verifier.revoke("alice");
    const upgrade = await refused({ query: `ticket=${one}` });
    expect([upgrade.status, reasonOf(upgrade.body)]).toEqual([401, expect.stringContaining("TOKEN_REVOKED")]);
    const socket = await open({});
    socket.send({ id: 1, connect: { ticket: two } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { reason: "TOKEN_REVOKED" } });
    expect((await socket.closed()).code).toBe(4401);
  });

  it("on a page of another origin, which does not use it up", async () => {
    const query = `ticket=${await ticketOfAlice()}`;
    expect((await refused({ query, origin: "https://evil.example" })).status).toBe(403);
    await open({ query, origin: "http://localhost:8080" });
  });

  it("beside another credential", async () => {
    const ticket = await ticketOfAlice();
    expect((await refused({ query: `ticket=${ticket}`, token: "alice" })).status).toBe(400);
    expect((await refused({ query: `ticket=${ticket}&ticket=${ticket}` })).status).toBe(400);
    const socket = await open({});
    socket.send({ id: 1, connect: { ticket, token: "alice" } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code: "invalid_argument" } });
  });

  it("while the store is away: the upgrade is refused with 503, and a connect frame leaves the connection waiting", async () => {
    const ticket = await ticketOfAlice();
    const socket = await open({});
    store.away = true;
    expect((await refused({ query: `ticket=${ticket}` })).status).toBe(503);
    socket.send({ id: 1, connect: { ticket } });
    expect(await socket.next()).toMatchObject({ id: 1, error: { code: "unavailable", reason: "TICKETS_UNAVAILABLE" } });
    store.away = false;
    socket.send({ id: 2, connect: { ticket } });
    expect(await socket.next()).toMatchObject({ id: 2, connected: { userId: "user-alice" } });
  });
});

it("no log has a ticket, its secret, or the token behind it", async () => {
  const ticket = await ticketOfAlice();
  await open({ query: `ticket=${ticket}` });
  await refused({ query: `ticket=${ticket}` });
  await fetch(`${harness.url}/ws?ticket=${ticket}`);
  const all = logged.join("\n");
  expect(all).toContain("/api/realtime/tickets");
  expect(all).not.toContain(ticket);
  expect(all).not.toContain(ticket.slice(22));
  expect(all).not.toContain("Bearer");
});
