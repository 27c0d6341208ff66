/*
 * The one call that every contender carries: ValidateToken with a token of 180 bytes and an answer of 44. The answer depends
 * on the token, so that a client which hands an answer to the wrong caller is found out; the handler does nothing else,
 * so that what is measured is the call and not the work.
 */

/** The answer as any codec of any contender makes it. */
export interface Answer {
  readonly valid: boolean;
  readonly principal?: { readonly userId: string } | null | undefined;
}

/** A call and what has to come back. */
export interface Question {
  readonly token: string;
  readonly userId: string;
}

export const tokenBytes = 180;
const userIdStart = 8;
const userIdLength = 12;

/** Enough that neighbours in flight differ, few enough that the table stays in the cache of the processor. */
const questionCount = 256;

export const questions: readonly Question[] = Array.from({ length: questionCount }, (_, index) =>
  question("token-v1", index),
);

/** A token that a server keeps unanswered until it is told to let go; only contenders that count heap know it. */
export const heldQuestions: readonly Question[] = Array.from({ length: questionCount }, (_, index) =>
  question("hold--v1", index),
);

function question(prefix: string, index: number): Question {
  const userId = `u-${String(index).padStart(userIdLength - 2, "0")}`;
  return { token: `${prefix}${userId}`.padEnd(tokenBytes, "abcdefghijklmnopqrstuvwxyz0123456789"), userId };
}

export function isHeld(token: string): boolean {
  return token.charCodeAt(0) === 104;
}

/** What every server answers; `reason` is empty, as for every valid token. */
export interface ServedAnswer {
  readonly valid: boolean;
  readonly principal: { readonly userId: string; readonly username: string; readonly sessionId: string };
}

export function answerFor(token: string): ServedAnswer {
  return {
    valid: true,
    principal: {
      userId: token.slice(userIdStart, userIdStart + userIdLength),
      username: "ada",
      sessionId: "session-00000042",
    },
  };
}

export function isRight(asked: Question, answer: Answer): boolean {
  return answer.valid && answer.principal?.userId === asked.userId;
}
