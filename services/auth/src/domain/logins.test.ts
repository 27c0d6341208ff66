import { describe, expect, test } from "vitest";
import { AttemptGuard } from "./attempt-guard.ts";
import type { CountedKey } from "./attempt-limits.ts";
import { Entry } from "./entry.ts";
import type { LoginCompletion } from "./login-completion.ts";
import { Logins } from "./logins.ts";
import type { DirectoryUser } from "./ports.ts";
import type { LoggedIn } from "./sessions.ts";

const ada: DirectoryUser = {
  userId: "id-ada",
  username: "ada",
  email: "ada@example.org",
  firstName: "",
  lastName: "",
  createdAtMs: 0,
};
const client = { address: "192.0.2.7", network: "192.0.2.7", userAgent: "a browser" };
const bytes = (text: string) => new TextEncoder().encode(text);

interface Surroundings {
  readonly hashes?: Readonly<Record<string, string>>;
  readonly closing?: boolean;
  /** What the counter says; admits at once by default. */
  readonly take?: { admitted: boolean; waitMs: number };
  readonly busy?: boolean;
  /** What the second step says; there is none by default. */
  readonly challenge?: Awaited<ReturnType<LoginCompletion["challenge"]>>;
}

/** Notes what a login asks of its surroundings, which is what an observer could measure. */
function createLogin({ hashes = {}, closing = false, take, busy = false, challenge = "none" }: Surroundings = {}) {
  const work: string[] = [];
  const counted: string[] = [];
  const mails: string[] = [];
  const opened: string[] = [];
  const note = (what: string, keys: readonly CountedKey[]) => {
    counted.push(`${what} ${keys.map((key) => key.kind).join(" ")}`);
  };
  const guard = new AttemptGuard(
    {
      async take(keys) {
        note("take", keys);
        return take ?? { admitted: true, waitMs: 0 };
      },
      takeBack: async (keys) => note("take back", keys),
      forget: async (keys) => note("forget", keys),
    },
    { now: () => 0 },
  );
  const devices = {
    async isProven(userId: string, hash: Uint8Array) {
      work.push("look up the device");
      return userId === ada.userId && new TextDecoder().decode(hash) === "ada's";
    },
  };
  const deviceTokens = { mint: () => ({ token: "new", hash: bytes("new") }), hash: bytes };
  const clock = { now: () => 0 };
  const log = { record: async () => undefined };
  const logins = new Logins({
    accounts: {
      async findPasswordHash(userId) {
        work.push("look up the hash");
        return hashes[userId];
      },
    },
    directory: {
      async findByLogin(login) {
        work.push("look up the user");
        return login === ada.username ? ada : undefined;
      },
    },
    devices,
    deviceTokens,
    hasher: {
      hash: () => Promise.reject(new Error("a login makes no hash")),
      async verify(hash, password) {
        if (busy) throw new Error("busy");
        work.push("verify");
        return hash === `hash of ${password}`;
      },
      async verifyDecoy() {
        work.push("verify");
      },
    },
    completion: { challenge: async () => challenge },
    entry: new Entry({
      devices,
      deviceTokens,
      sessions: {
        open: async (user) => {
          opened.push(user.userId);
          return closing ? undefined : ({ user } as LoggedIn);
        },
      },
      mails: {
        enqueue: () => Promise.reject(new Error("no login depends on a mail")),
        notify: async (job) => void mails.push(job.kind),
      },
      clock,
      log,
    }),
    guard,
    log,
  });
  const logIn = (login: string, password = "password", deviceToken = "") =>
    logins.logIn({ login, password, deviceToken, client });
  return { logIn, work, counted, mails, opened };
}

const words = "the login or the password is wrong, or there were too many attempts: wait as long as is said";

describe("Logins.logIn", () => {
  test.each([
    ["an unknown login", {}, "nobody"],
    ["a wrong password", { "id-ada": "hash of another" }, "ada"],
    ["an account whose signup never finished", {}, "ada"],
  ])("ASVS 6.3.8: %s costs the same work and fails in the same words", async (_what, hashes, login) => {
    for (const [deviceToken, before] of [
      ["", []],
      ["somebody's", ["look up the user", "look up the device"]],
    ] as const) {
      const { logIn, work } = createLogin({ hashes });
      await expect(logIn(login, "password", deviceToken)).rejects.toMatchObject({
        kind: "login_failed",
        message: words,
        retryAfterMs: undefined,
      });
      expect(work).toEqual([...before, "look up the user", "look up the hash", "verify"]);
    }
  });

  test.each([
    ["an unknown login", "nobody", "password"],
    ["a wrong password", "ada", "wrong"],
    ["the right password", "ada", "password"],
  ])("ASVS 6.3.8: %s that has to wait is not looked at, and fails in those words", async (_what, login, password) => {
    const take = { admitted: false, waitMs: 4000 };
    const { logIn, work } = createLogin({ hashes: { "id-ada": "hash of password" }, take });
    await expect(logIn(login, password)).rejects.toMatchObject({
      kind: "login_failed",
      message: words,
      retryAfterMs: 4000,
    });
    expect(work).toEqual([]);
  });

  test.each(["nobody", "ada"])("the last free attempt at %s says how long the next one waits", async (login) => {
    const { logIn } = createLogin({ take: { admitted: true, waitMs: 1000 } });
    await expect(logIn(login)).rejects.toMatchObject({ kind: "login_failed", message: words, retryAfterMs: 1000 });
  });

  test("an account that is deleted while its password is verified fails in the same words", async () => {
    const { logIn } = createLogin({ hashes: { "id-ada": "hash of password" }, closing: true });
    await expect(logIn("ada")).rejects.toMatchObject({ kind: "login_failed", message: words });
  });

  test("the right password of an account with a second factor opens no session, proves no device and sends no mail", async () => {
    const challenge = { challenge: "opaque", factors: ["totp" as const], passkeyOptions: undefined };
    const { logIn, mails, opened } = createLogin({ hashes: { "id-ada": "hash of password" }, challenge });
    expect(await logIn("ada")).toEqual(challenge);
    expect([mails, opened]).toEqual([[], []]);
  });

  test("a password that is changed while a second step is begun fails in the same words", async () => {
    const { logIn } = createLogin({ hashes: { "id-ada": "hash of password" }, challenge: "void" });
    await expect(logIn("ada")).rejects.toMatchObject({ kind: "login_failed", message: words });
  });

  test("the right password opens a session, makes the device a proven one and says so by mail, and forgets but what is shared", async () => {
    const { logIn, counted, mails } = createLogin({ hashes: { "id-ada": "hash of password" } });
    expect(await logIn("ada")).toMatchObject({ user: ada, deviceToken: "new" });
    expect(mails).toEqual(["new_device"]);
    expect(counted).toEqual([
      "take loginFromNetwork network login",
      "forget loginFromNetwork login",
      "take back network",
    ]);
  });

  test("ASVS 6.1.1: a proven device is counted by itself alone, and only for its own account", async () => {
    const own = createLogin({ hashes: { "id-ada": "hash of password" } });
    expect(await own.logIn("ada", "password", "ada's")).toMatchObject({ user: ada, deviceToken: "ada's" });
    expect(own.counted[0]).toBe("take device");
    expect(own.mails).toEqual([]);
    const foreign = createLogin();
    await expect(foreign.logIn("nobody", "password", "ada's")).rejects.toMatchObject({ kind: "login_failed" });
    expect(foreign.counted).toEqual(["take loginFromNetwork network login"]);
  });

  test("what is nobody's wrong password is not counted as one", async () => {
    const { logIn, counted } = createLogin({ hashes: { "id-ada": "hash of password" }, busy: true });
    await expect(logIn("ada")).rejects.toThrow("busy");
    expect(counted.at(-1)).toBe("take back loginFromNetwork network login");
  });
});
