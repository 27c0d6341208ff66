import { describe, expect, test } from "vitest";
import { Accounts } from "./accounts.ts";
import type { AccountStore, DirectoryUser, UserDirectory } from "./ports.ts";
import type { LoggedIn, Sessions } from "./sessions.ts";

const ada: DirectoryUser = {
  userId: "id-ada",
  username: "ada",
  email: "ada@example.org",
  firstName: "",
  lastName: "",
  createdAtMs: 0,
};

/** Notes what a login asks of its surroundings, which is what an observer could measure. */
function createLogin(hashes: Readonly<Record<string, string>>, { closing = false } = {}) {
  const work: string[] = [];
  const unused = () => {
    throw new Error("a login does not ask for this");
  };
  const directory: UserDirectory = {
    create: unused,
    remove: unused,
    findById: unused,
    ownProfile: unused,
    updateOwnProfile: unused,
    async findByLogin(login) {
      work.push("look up the user");
      return login === ada.username ? ada : undefined;
    },
  };
  const store: AccountStore = {
    begin: unused,
    activate: unused,
    close: unused,
    abandon: unused,
    abandonOlderThan: unused,
    forget: unused,
    isActive: unused,
    async findPasswordHash(userId) {
      work.push("look up the hash");
      return hashes[userId];
    },
  };
  const accounts = new Accounts({
    store,
    directory,
    hasher: {
      hash: unused,
      async verify(hash, password) {
        work.push("verify");
        return hash === `hash of ${password}`;
      },
      async verifyDecoy() {
        work.push("verify");
      },
    },
    sessions: { open: async (user: DirectoryUser) => (closing ? undefined : ({ user } as LoggedIn)) } as Sessions,
    revocations: { announce: unused },
    clock: { now: () => 0 },
    ids: { id: () => "id" },
    log: { record: () => undefined },
  });
  return { accounts, work };
}

describe("Accounts.logIn", () => {
  test.each([
    ["an unknown login", {}, "nobody"],
    ["a wrong password", { "id-ada": "hash of another" }, "ada"],
    ["an account whose signup never finished", {}, "ada"],
  ])(
    "%s costs one look-up of each kind and one verification, and fails in the same words",
    async (_what, hashes, login) => {
      const { accounts, work } = createLogin(hashes);
      await expect(accounts.logIn(login, "password")).rejects.toMatchObject({
        kind: "login_failed",
        message: "the login or the password is wrong",
      });
      expect(work).toEqual(["look up the user", "look up the hash", "verify"]);
    },
  );

  test("an account that is deleted while its password is verified fails in the same words", async () => {
    const { accounts } = createLogin({ "id-ada": "hash of password" }, { closing: true });
    await expect(accounts.logIn("ada", "password")).rejects.toMatchObject({ kind: "login_failed" });
  });

  test("the right password opens a session", async () => {
    const { accounts } = createLogin({ "id-ada": "hash of password" });
    expect((await accounts.logIn("ada", "password")).user).toBe(ada);
  });
});
