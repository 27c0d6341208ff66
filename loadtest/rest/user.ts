/*
 * The one request of the rows `gateway/rest/*`: GET /api/users/{id}, answered with a user of some 230 bytes. The answer
 * depends on the id, so that a mixed-up answer is found, and no two requests that are under way at the same time have the
 * same one: the gateway makes identical reads one call, and what is asked here is the price of a call.
 */

/** As protobuf has it. */
export interface ServedUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

const createdAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const updatedAtMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);

export function userOf(id: string): ServedUser {
  return {
    id,
    username: "ada",
    email: "ada.lovelace@example.org",
    firstName: "Ada",
    lastName: "Lovelace",
    createdAtMs,
    updatedAtMs,
  };
}

export function pathOf(id: string): string {
  return `/api/users/${id}`;
}

/** Every contender's answer, to the byte. */
export function userJson(id: string): string {
  const { createdAtMs: created, updatedAtMs: updated, ...texts } = userOf(id);
  return JSON.stringify({
    ...texts,
    createdAt: new Date(created).toISOString(),
    updatedAt: new Date(updated).toISOString(),
  });
}

/** Of as many users as may ever be asked for at the same time, and some more. */
export const userIds: readonly string[] = Array.from(
  { length: 1024 },
  (_, index) => `u-${String(index).padStart(10, "0")}`,
);
