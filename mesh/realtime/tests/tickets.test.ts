import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  connect,
  createTicketSource,
  type RealtimeClient,
  type RealtimeError,
  type TokenPurpose,
} from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";
import { answerOf } from "./fake-stream.ts";

const channel = "project:p";
const signal = new AbortController().signal;
let fixture: ClientFixture;
let asked: TokenPurpose[];
let ticket: (purpose: TokenPurpose) => Promise<string | null> | string | null;

beforeEach(() => {
  fixture = new ClientFixture();
  asked = [];
  ticket = () => `ticket ${asked.length}`;
});
afterEach(() => fixture.close());

/** Has no tokens. */
function connectByTicket(): RealtimeClient {
  return fixture.connect({
    token: undefined,
    ticket: (purpose) => {
      asked.push(purpose);
      return ticket(purpose);
    },
  });
}

const tokens = () => [...fixture.gateway.connections].map(({ token }) => token);

describe("a client with tickets", () => {
  it("opens each connection with a ticket of its own, in its first frame", async () => {
    const { gateway, network } = fixture;
    const { told } = fixture.subscribe(connectByTicket(), channel);
    await fixture.settle();
    network.cut();
    gateway.publish(channel, 1);
    await fixture.clock.advance(1000);
    expect(gateway.received.filter(({ command }) => command === "connect").map(({ body }) => body)).toEqual([
      { ticket: "ticket 1" },
      { ticket: "ticket 2" },
    ]);
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
  });

  it("has its connection replaced before the login behind it ends, and loses nothing", async () => {
    const { gateway, network } = fixture;
    const { told } = fixture.subscribe(connectByTicket(), channel);
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(asked).toEqual(["connect", "expiring"]);
    expect(tokens()).toEqual(["ticket 2"]);
    expect(told.filter((each) => typeof each === "number" || each === "not recovered")).toEqual(["not recovered", 1]);
    expect(gateway.connections.size).toBe(1);
  });

  it("keeps the connection while a new ticket cannot be had", async () => {
    const { network } = fixture;
    const client = connectByTicket();
    await fixture.settle();
    ticket = () => Promise.reject(new Error("503"));
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    await fixture.clock.advance(10_000);
    expect(client.state.status).toBe("connected");
    expect(tokens()).toEqual(["ticket 1"]);
    ticket = () => "at last";
    await fixture.clock.advance(20_000);
    expect(tokens()).toEqual(["at last"]);
  });

  it("renews an open connection by a token, where it has both", async () => {
    const { gateway, network } = fixture;
    fixture.connect({ ticket: () => "ticket" });
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    await fixture.settle();
    expect(gateway.count("connect")).toBe(1);
    expect(tokens()).toEqual(["token"]);
    expect(fixture.purposes).toEqual(["expiring"]);
  });

  it("asks for another when a ticket was used up, which is not the end of a login", async () => {
    const { gateway } = fixture;
    const refusals = ["TICKET_INVALID", "TICKET_INVALID", "TICKET_INVALID"];
    gateway.refuseCommand = (command) => {
      const reason = command === "connect" ? refusals.pop() : undefined;
      return reason === undefined ? undefined : { code: "unauthenticated", message: "used", reason };
    };
    const client = connectByTicket();
    await fixture.clock.advance(10_000);
    expect(client.state.status).toBe("connected");
    expect(asked).toEqual(["connect", "connect", "connect", "connect"]);
  });

  it("waits while Redis is away, and stops when the login behind the tickets has ended", async () => {
    const { gateway } = fixture;
    let reason = "TICKETS_UNAVAILABLE";
    gateway.refuseCommand = () => ({
      code: reason.startsWith("TOKEN") ? "unauthenticated" : "unavailable",
      message: "",
      reason,
    });
    const client = connectByTicket();
    await fixture.settle();
    expect(client.state).toMatchObject({ status: "waiting", error: { reason: "TICKETS_UNAVAILABLE" } });
    reason = "TOKEN_REVOKED";
    await fixture.clock.advance(120_000);
    expect(client.state).toMatchObject({ status: "unauthenticated", error: { reason: "TOKEN_REVOKED" } });
    expect(asked.slice(-2)).toEqual(["connect", "refused"]);
  });

  it("comes back no sooner than whoever gives tickets says", async () => {
    const source = createTicketSource({
      url: "http://gateway.test/api/realtime/tickets",
      token: () => "token",
      fetch: async () => ({ ...answerOf(429, {}), headers: { get: () => "7" } }),
    });
    const client = fixture.connect({ ticket: source });
    await fixture.settle();
    expect(client.state).toMatchObject({ status: "waiting", retryInMs: 7000, error: { code: "unavailable" } });
  });

  it("needs a ticket or a token", () => {
    expect(() => connect("ws://host/ws", {})).toThrow("token or ticket must be there");
    expect(() => connect("ws://host/ws", { ticket: "one" as never })).toThrow("ticket must be a function");
  });
});

describe("a source of tickets", () => {
  const refusal = { code: "unauthenticated", message: "no", details: [{ reason: "TOKEN_EXPIRED" }] };
  let requests: { readonly url: string; readonly method: string; readonly token: string | undefined }[];
  let answers: ReturnType<typeof answerOf>[];
  let purposes: TokenPurpose[];

  const ask = (token: (purpose: TokenPurpose) => string | null = (purpose) => `token to ${purpose}`) => {
    const source = createTicketSource({
      url: "https://gateway.test/api/realtime/tickets",
      token: (purpose) => {
        purposes.push(purpose);
        return token(purpose);
      },
      fetch: async (url, { method, headers }) => {
        requests.push({ url, method, token: headers.authorization });
        return answers.shift() ?? Promise.reject(new TypeError("fetch failed"));
      },
    });
    return Promise.resolve(source("connect", { signal }));
  };
  const errorOf = (asking: Promise<unknown>) =>
    asking.then(
      () => undefined,
      (error: RealtimeError) => error,
    );

  beforeEach(() => {
    requests = [];
    answers = [];
    purposes = [];
  });

  it("posts the token and gives the ticket", async () => {
    answers = [answerOf(200, { ticket: "t1", expiresInSeconds: 30 })];
    expect(await ask()).toBe("t1");
    expect(requests).toEqual([
      { url: "https://gateway.test/api/realtime/tickets", method: "POST", token: "Bearer token to connect" },
    ]);
  });

  it("has a refused token replaced once, and then says that nobody is signed in", async () => {
    answers = [answerOf(401, refusal), answerOf(200, { ticket: "t2" })];
    expect(await ask()).toBe("t2");
    expect(purposes).toEqual(["connect", "refused"]);
    answers = [answerOf(401, refusal), answerOf(401, refusal)];
    expect(await errorOf(ask())).toMatchObject({ code: "unauthenticated", reason: "TOKEN_EXPIRED" });
    expect(await ask(() => null)).toBe(null);
  });

  it.each([
    [
      "Redis is away",
      answerOf(503, { code: "unavailable", message: "away", details: [{ reason: "TICKETS_UNAVAILABLE" }] }),
      "TICKETS_UNAVAILABLE",
    ],
    ["a proxy answers", answerOf(502, undefined), "502"],
    ["the answer is no ticket", answerOf(200, {}), "200"],
  ])("says that it is an outage when %s", async (_when, answer, reason) => {
    answers = [answer];
    expect(await errorOf(ask())).toMatchObject({ code: "unavailable", reason, retryable: true });
  });
});
