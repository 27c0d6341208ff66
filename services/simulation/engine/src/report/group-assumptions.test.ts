import { expect, it } from "vitest";
import { groupAssumptions } from "./group-assumptions.ts";

it("groupAssumptions says once what holds in several places, whatever a link leads to", () => {
  expect(
    groupAssumptions([
      'link "a->b": failures of "b" count as independent.',
      "Everything is a guess.",
      'link "a->c": failures of "c" count as independent.',
      'component "b": slots are held.',
      'component "a->b": slots are held.',
      'component "c": times vary by 0.5.',
    ]),
  ).toEqual([
    'links "a->b", "a->c": failures of what it calls count as independent.',
    "Everything is a guess.",
    'components "b", "a->b": slots are held.',
    'component "c": times vary by 0.5.',
  ]);
});
