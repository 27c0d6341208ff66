import { describe, expect, test } from "vitest";
import { type CountedDecision, DecisionTrail, type PermissionDecision } from "./decision-trail.ts";

const denied = (userId: string, resource: string): PermissionDecision => ({
  kind: "permission_denied",
  userId,
  permission: "project.write",
  resource,
  role: "viewer",
});

function scripted(bounds: { entriesMax?: number; entriesPerUserMax?: number } = {}) {
  let nowMs = 0;
  const written: CountedDecision[] = [];
  const missing: number[] = [];
  const log = {
    fails: false,
    write: async (decisions: readonly CountedDecision[]) => {
      if (log.fails) throw new Error("the store is away");
      written.push(...decisions);
    },
    dropped: (count: number) => void missing.push(count),
  };
  const trail = new DecisionTrail({ log, clock: { now: () => nowMs }, ...bounds });
  const rows = () =>
    written.splice(0).map(({ userId, permission, resource, count }) => `${userId} ${permission} ${resource} ${count}`);
  return { trail, log, missing, rows, pass: (ms: number) => (nowMs += ms) };
}

describe("the trail of decisions", () => {
  test("writes the first of equal decisions at once, and the others of a minute as one row with their count", async () => {
    const { trail, rows, pass } = scripted();
    for (let at = 0; at < 3; at += 1) trail.record(denied("ada", "project:1"));
    await trail.flush();
    expect(rows()).toEqual(["ada project.write project:1 3"]);
    for (let second = 0; second < 59; second += 1) {
      pass(1000);
      trail.record(denied("ada", "project:1"));
      await trail.flush();
    }
    expect(rows()).toEqual([]);
    pass(1000);
    await trail.flush();
    expect(rows()).toEqual(["ada project.write project:1 59"]);
  });

  test("writes nothing when nothing is decided, and forgets what was", async () => {
    const { trail, rows, pass } = scripted({ entriesMax: 1 });
    trail.record(denied("ada", "project:1"));
    await trail.flush();
    pass(60_000);
    await trail.flush();
    expect(rows()).toEqual(["ada project.write project:1 1"]);
    trail.record(denied("bob", "project:2"));
    await trail.flush();
    expect(rows()).toEqual(["bob project.write project:2 1"]);
  });

  test("a user with too many different ones gets an entry that names none, and pushes nobody else out", async () => {
    const { trail, rows, missing } = scripted({ entriesPerUserMax: 2 });
    for (let at = 0; at < 5; at += 1) trail.record(denied("eve", `project:${at}`));
    trail.record(denied("ada", "project:1"));
    await trail.flush();
    expect(rows()).toEqual([
      "eve project.write project:0 1",
      "eve project.write project:1 1",
      "eve   3",
      "ada project.write project:1 1",
    ]);
    expect(missing).toEqual([]);
  });

  test("counts what there is no room for", async () => {
    const { trail, rows, missing } = scripted({ entriesMax: 2 });
    for (const user of ["a", "b", "c", "d"]) trail.record(denied(user, "project:1"));
    await trail.flush();
    expect(rows()).toHaveLength(2);
    expect(missing).toEqual([2]);
  });

  test("keeps what the store does not take, with what is decided meanwhile", async () => {
    const { trail, log, rows } = scripted();
    log.fails = true;
    trail.record(denied("ada", "project:1"));
    await expect(trail.flush()).rejects.toThrow("away");
    trail.record(denied("ada", "project:1"));
    log.fails = false;
    await trail.flush();
    expect(rows()).toEqual(["ada project.write project:1 2"]);
  });

  test("writes everything when it ends", async () => {
    const { trail, rows } = scripted();
    trail.record(denied("ada", "project:1"));
    await trail.flush();
    trail.record(denied("ada", "project:1"));
    await trail.flush({ all: true });
    expect(rows()).toEqual(["ada project.write project:1 1", "ada project.write project:1 1"]);
  });
});
