import { expect, test } from "vitest";
import { encodeAnswer } from "./contenders/hand-codec.ts";
import { answerFor, heldQuestions, isHeld, isRight, questions, tokenBytes } from "./workload.ts";

test("a token has 180 bytes and an answer about 40", () => {
  for (const { token } of [...questions, ...heldQuestions]) {
    expect(Buffer.byteLength(token)).toBe(tokenBytes);
    expect(encodeAnswer(answerFor(token)).length).toBeGreaterThanOrEqual(38);
    expect(encodeAnswer(answerFor(token)).length).toBeLessThanOrEqual(48);
  }
});

test("an answer is right for its own question and for no other", () => {
  const answers = questions.map(({ token }) => answerFor(token));
  for (const [index, asked] of questions.entries()) {
    expect(answers.filter((answer) => isRight(asked, answer))).toEqual([answers[index]]);
  }
});

test("an answer that says no, or nothing of anybody, is wrong", () => {
  const [asked] = questions;
  expect(asked === undefined || isRight(asked, { valid: true })).toBe(false);
  expect(asked === undefined || isRight(asked, { ...answerFor(asked.token), valid: false })).toBe(false);
});

test("only the held tokens are held", () => {
  expect(questions.some(({ token }) => isHeld(token))).toBe(false);
  expect(heldQuestions.every(({ token }) => isHeld(token))).toBe(true);
});
