import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordedMetrics } from "../../tests/recorded-metrics.ts";
import { createGatewayMetrics } from "../metrics.ts";
import { createMemoryTicketStore } from "./ticket-store.ts";
import { createTickets, type Tickets } from "./tickets.ts";

let clock: FakeClock;
let store: ReturnType<typeof createMemoryTicketStore>;
let kept: [id: string, sealed: string][];
let tickets: Tickets;

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryTicketStore(() => clock.monotonicMs());
  kept = [];
  const { put } = store;
  store.put = (id, sealed, ttlMs) => {
    kept.push([id, sealed]);
    return put(id, sealed, ttlMs);
  };
  tickets = createTickets({ store, metrics: createGatewayMetrics(new RecordedMetrics() as never) });
});

const invalid = { rawMessage: expect.stringContaining("get another") };

describe("a ticket", () => {
  it("gives its token once", async () => {
    const { ticket, expiresInSeconds } = await tickets.issue("the token");
    expect(expiresInSeconds).toBe(30);
    expect(await tickets.redeem(ticket)).toBe("the token");
    await expect(tickets.redeem(ticket)).rejects.toMatchObject(invalid);
  });

  it("is given to one of many who redeem it at once", async () => {
    const { ticket } = await tickets.issue("t");
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => tickets.redeem(ticket)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("expires", async () => {
    const { ticket } = await tickets.issue("t");
    const late = await tickets.issue("t");
    await clock.advance(29_999);
    expect(await tickets.redeem(ticket)).toBe("t");
    await clock.advance(1);
    await expect(tickets.redeem(late.ticket)).rejects.toMatchObject(invalid);
  });

  it("is nothing that the store could redeem or open: neither its secret nor the token is there", async () => {
    const { ticket } = await tickets.issue("the token");
    const [id = "", sealed = ""] = kept[0] ?? [];
    expect(ticket.startsWith(id.slice(0, 20))).toBe(true);
    expect(Buffer.from(sealed, "base64").toString("latin1")).not.toContain("the token");
    const guessed = Buffer.concat([Buffer.from(id, "base64url"), Buffer.alloc(32)]).toString("base64url");
    await expect(tickets.redeem(guessed)).rejects.toMatchObject(invalid);
  });

  it("does not open what was sealed for another one, or was changed", async () => {
    const one = await tickets.issue("one");
    const other = await tickets.issue("other");
    const [[oneId = ""] = [], [otherId = "", sealed = ""] = []] = kept;
    await store.put(oneId, sealed, 1000);
    await expect(tickets.redeem(one.ticket)).rejects.toMatchObject(invalid);
    const bytes = Buffer.from(sealed, "base64");
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await store.put(otherId, bytes.toString("base64"), 1000);
    await expect(tickets.redeem(other.ticket)).rejects.toMatchObject(invalid);
  });

  it.each(["", "short", "!".repeat(64), "A".repeat(64), "A".repeat(200)])("is not %j", async (text) => {
    await expect(tickets.redeem(text)).rejects.toMatchObject(invalid);
  });
});
