import { describe, expect, it } from "vitest";
import { type Command, hasEnded, isVisible, outcomeOf, type Status } from "./transitions.ts";

const statuses: readonly Status[] = ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "STOPPED", "FAILED"];
const outcomes: Record<Command, readonly ReturnType<typeof outcomeOf>[]> = {
  pause: ["refused", "apply", "done", "refused", "refused", "refused"],
  resume: ["refused", "done", "apply", "refused", "refused", "refused"],
  stop: ["apply", "apply", "apply", "done", "done", "done"],
  load: ["apply", "apply", "apply", "refused", "refused", "refused"],
  apply: ["apply", "apply", "apply", "refused", "refused", "refused"],
};
const visible: Record<Command, readonly boolean[]> = {
  pause: [false, false, true, true, true, true],
  resume: [false, true, false, true, true, true],
  stop: [false, false, false, true, true, true],
  load: [true, true, true, true, true, true],
  apply: [true, true, true, true, true, true],
};
const table = (Object.keys(outcomes) as Command[]).flatMap((command) =>
  statuses.map((status, index) => ({
    command,
    status,
    outcome: outcomes[command][index],
    isVisible: visible[command][index],
  })),
);

describe("transitions", () => {
  it.each(table)("$command of a simulation that is $status: $outcome", ({ command, status, outcome }) => {
    expect(outcomeOf(command, status)).toBe(outcome);
  });

  it.each(table)("$command shows in the status $status: $isVisible", ({ command, status, isVisible: expected }) => {
    expect(isVisible(command, status)).toBe(expected);
  });

  it("has three ends", () => {
    expect(statuses.filter(hasEnded)).toEqual(["COMPLETED", "STOPPED", "FAILED"]);
  });
});
