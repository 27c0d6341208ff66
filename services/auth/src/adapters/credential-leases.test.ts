import { createMemoryPubSub, FakeClock, silentLogger, until } from "@weft/mesh/testing";
import { describe, expect, test } from "vitest";
import type { Principal } from "../verifier/principal.ts";
import { encodeRevocationMessage, revocationChannel } from "../verifier/revocation-protocol.ts";
import { createCredentialLeases, leaseMs } from "./credential-leases.ts";

const principal: Principal = {
  userId: "ada",
  username: "ada",
  sessionId: "s1",
  roles: ["user"],
  scopes: undefined,
  expiresAtMs: Number.POSITIVE_INFINITY,
};

/** A database that is answered for by hand. */
async function createLeases() {
  const clock = new FakeClock();
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  const questions: { answer(live: boolean): void; fail(): void }[] = [];
  const isLive = () =>
    new Promise<boolean>((resolve, reject) => {
      questions.push({ answer: resolve, fail: () => reject(new Error("away")) });
    });
  const leases = await createCredentialLeases({ isLive, pubsub, clock });
  const lease = async () => {
    const asked = leases.ask(principal);
    questions.shift()?.answer(true);
    expect(await asked).toBe(true);
  };
  return { clock, pubsub, questions, leases, lease };
}

describe("leases of credentials", () => {
  test("begin with an answer of the database and last for a second from when it was asked", async () => {
    const { clock, questions, leases } = await createLeases();
    expect(leases.holds(principal)).toBe(false);
    const asked = leases.ask(principal);
    await clock.advance(leaseMs - 1);
    questions.shift()?.answer(true);
    await asked;
    expect(leases.holds(principal)).toBe(true);
    await clock.advance(1);
    expect(leases.holds(principal)).toBe(false);
  });

  test("are not given for what the database calls ended, or when it does not answer", async () => {
    const { questions, leases } = await createLeases();
    const dead = leases.ask(principal);
    questions.shift()?.answer(false);
    expect(await dead).toBe(false);
    const failed = leases.ask(principal);
    questions.shift()?.fail();
    await expect(failed).rejects.toThrow("away");
    expect(leases.holds(principal)).toBe(false);
  });

  test("end at once with what this instance ends", async () => {
    const { leases, lease, questions } = await createLeases();
    await lease();
    leases.end([principal.sessionId]);
    expect(leases.holds(principal)).toBe(false);
    expect(await leases.ask(principal)).toBe(false);
    expect(questions).toEqual([]);
  });

  test("end when another instance announces the end", async () => {
    const { pubsub, leases, lease } = await createLeases();
    await lease();
    const revoked = [{ sessionId: principal.sessionId, untilMs: 1 }];
    await pubsub.publish(revocationChannel, "no revocation");
    await pubsub.publish(revocationChannel, encodeRevocationMessage({ epoch: "e", sequence: 1, revoked }));
    await until("the lease has ended", () => !leases.holds(principal));
    await leases.close();
  });

  test("are not given by a query that began before the end", async () => {
    const { questions, leases } = await createLeases();
    const asked = leases.ask(principal);
    leases.end([principal.sessionId]);
    questions.shift()?.answer(true);
    expect(await asked).toBe(false);
    expect(leases.holds(principal)).toBe(false);
  });

  test("are renewed behind the answer, once, when they are asked for in their second half", async () => {
    const { clock, questions, leases, lease } = await createLeases();
    await lease();
    await clock.advance(leaseMs / 2);
    expect([leases.holds(principal), leases.holds(principal)]).toEqual([true, true]);
    expect(questions).toHaveLength(1);
    questions.shift()?.answer(true);
    await clock.advance(leaseMs - 1);
    expect(leases.holds(principal)).toBe(true);
  });

  test("that cannot be renewed hold until their end and no longer", async () => {
    const { clock, questions, leases, lease } = await createLeases();
    await lease();
    await clock.advance(leaseMs / 2);
    expect(leases.holds(principal)).toBe(true);
    questions.shift()?.fail();
    await clock.advance(leaseMs / 2 - 1);
    expect(leases.holds(principal)).toBe(true);
    await clock.advance(1);
    expect(leases.holds(principal)).toBe(false);
  });
});
