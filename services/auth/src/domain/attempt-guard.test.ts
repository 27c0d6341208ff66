import { describe, expect, test } from "vitest";
import { createLocalAttemptCounter } from "../adapters/local-attempt-counter.ts";
import { AttemptGuard } from "./attempt-guard.ts";
import { attemptLimits, keysOfLogin } from "./attempt-limits.ts";

const minuteMs = 60_000;

function createGuesser() {
  let nowMs = 1_800_000_000_000;
  const guard = new AttemptGuard(createLocalAttemptCounter(), { now: () => nowMs });
  const attempt = (login: string, network: string, right = false) =>
    guard.attempt(keysOfLogin(login, network), async () => (right ? { right, value: login } : { right }));
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { attempt, pass };
}

describe("guessing", () => {
  test("ASVS 6.3.1: at one account after the other waits by the network, whatever the guesser gets right of their own", async () => {
    const { attempt } = createGuesser();
    for (let at = 0; at < attemptLimits.network.freeAttempts; at += 1) {
      expect(await attempt(`victim-${at}`, "n")).toMatchObject({ right: false, verified: true });
      if (at < attemptLimits.network.freeAttempts - 1)
        expect(await attempt("own", "n", true)).toMatchObject({ right: true });
    }
    expect(await attempt("one-more", "n")).toEqual({ right: false, verified: false, waitMs: 1000 });
    expect(await attempt("one-more", "elsewhere")).toMatchObject({ verified: true });
  });

  test("ASVS 6.1.1: at one account from many networks waits by the account, a minute at the most", async () => {
    const { attempt, pass } = createGuesser();
    const { freeAttempts } = attemptLimits.login;
    for (let at = 0; at < freeAttempts; at += 1) await attempt("victim", `network-${at}`);
    for (let at = 0; at < 20; at += 1) {
      expect(await attempt("victim", `early-${at}`)).toMatchObject({ verified: false });
      pass(minuteMs);
      expect(await attempt("victim", `late-${at}`)).toMatchObject({ verified: true });
    }
    expect(await attempt("victim", "another", true)).toEqual({ right: false, verified: false, waitMs: minuteMs });
  });

  test("of a thousand at once at one account, the free ones are verified", async () => {
    const { attempt } = createGuesser();
    const verdicts = await Promise.all(Array.from({ length: 1000 }, () => attempt("victim", "n")));
    const verified = verdicts.filter((verdict) => !verdict.right && verdict.verified);
    expect(verified).toHaveLength(attemptLimits.loginFromNetwork.freeAttempts);
  });

  test("hammering does not make a wait longer", async () => {
    const { attempt, pass } = createGuesser();
    for (let at = 0; at < attemptLimits.loginFromNetwork.freeAttempts + 500; at += 1) await attempt("victim", "n");
    pass(1000);
    expect(await attempt("victim", "n", true)).toEqual({ right: true, value: "victim" });
  });

  test("what goes wrong otherwise is no wrong password", async () => {
    const guard = new AttemptGuard(createLocalAttemptCounter(), { now: () => 0 });
    const keys = keysOfLogin("victim", "n");
    for (let at = 0; at < 50; at += 1) {
      await expect(guard.attempt(keys, () => Promise.reject(new Error("busy")))).rejects.toThrow("busy");
    }
    expect((await guard.attempt(keys, async () => ({ right: true, value: 1 }))).right).toBe(true);
  });
});
