import { describe, expect, it } from "vitest";
import type { StudyTask } from "../domain/studies/study.ts";
import { threadStudyEngine } from "./thread-study-engine.ts";

const architecture = { components: [], links: [], workloads: [] } as const;
/** Refused when it is looked at: a game day says which faults there are. */
const task: StudyTask = {
  spec: { question: { kind: "chaos", gameDay: {} }, settings: [] },
  subject: { name: "nothing", architecture },
};

/** Patience that ends when the test says so, by the order of asking. */
function engine() {
  const ends: (() => void)[] = [];
  const after = (_: number, work: () => void) => {
    ends.push(work);
    return () => undefined;
  };
  return { check: threadStudyEngine({ threads: 0, after }).check, ends };
}

describe("the check of a new study", () => {
  it("is left out for who has waited long enough for a turn, and not for others", async () => {
    const { check, ends } = engine();
    const [first, second, third] = [task, task, task].map((each) => check(each));
    ends[2]?.();
    await expect(third).resolves.toBeUndefined();
    const others = await Promise.allSettled([first, second]);
    expect(others.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("makes room when it takes too long", async () => {
    const { check, ends } = engine();
    const [first, second, third] = [task, task, task].map((each) => check(each));
    ends[0]?.();
    ends[1]?.();
    await expect(Promise.all([first, second])).resolves.toEqual([undefined, undefined]);
    await expect(third).rejects.toThrow();
  });
});
