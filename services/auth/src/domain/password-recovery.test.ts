import { describe, expect, test } from "vitest";
import type { MailJob } from "./mails.ts";
import { PasswordRecovery } from "./password-recovery.ts";

const client = { address: "", network: "", userAgent: "" };
const unused = () => Promise.reject(new Error("a request asks nobody for this"));

function createRecovery() {
  const jobs: MailJob[] = [];
  const recovery = new PasswordRecovery({
    store: { change: unused },
    mailedTokens: { put: unused, find: unused, take: unused },
    tokens: {
      mint() {
        throw new Error("a request makes no token");
      },
      hash: () => new Uint8Array(),
    },
    directory: { findById: unused },
    hasher: { hash: unused, verify: unused, verifyDecoy: unused },
    breached: { has: () => false },
    revocations: { announce: unused },
    counter: { take: async () => ({ admitted: true, waitMs: 0 }), takeBack: unused, forget: unused },
    mails: { enqueue: async (job) => void jobs.push(job), notify: unused },
    clock: { now: () => 0 },
    log: { record: async () => undefined },
  });
  return { recovery, jobs };
}

describe("PasswordRecovery.request", () => {
  test("ASVS 6.3.8, AUTH-24: queues what was typed and looks nothing up, so it does the same for every login", async () => {
    const { recovery, jobs } = createRecovery();
    await recovery.request("nobody", client);
    expect(jobs).toEqual([{ kind: "reset_password", login: "nobody" }]);
  });
});
