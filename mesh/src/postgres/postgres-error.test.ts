import { describe, expect, test } from "vitest";
import { DatabaseUnavailableError, databaseErrorFrom, UniqueViolationError } from "./postgres-error.ts";

const failure = (message: string, facts: object = {}) => Object.assign(new Error(message), facts);

describe("databaseErrorFrom", () => {
  test.each([
    ["connect ECONNREFUSED 127.0.0.1:5432", { code: "ECONNREFUSED" }, "unreachable"],
    ["read ECONNRESET", { code: "ECONNRESET" }, "terminated"],
    ["Connection terminated unexpectedly", {}, "terminated"],
    ["terminating connection due to administrator command", { code: "57P01" }, "terminated"],
    ["the database system is starting up", { code: "57P03" }, "starting"],
    ["sorry, too many clients already", { code: "53300" }, "pool-exhausted"],
    ["timeout exceeded when trying to connect", {}, "pool-exhausted"],
  ])("makes of %j an unavailable database", (message, facts, reason) => {
    const cause = failure(message, facts);
    const error = databaseErrorFrom(cause);
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(error).toMatchObject({ reason, cause, outcomeUnknown: false });
  });

  test("names the constraint of a unique violation", () => {
    const error = databaseErrorFrom(failure("duplicate key", { code: "23505", constraint: "users_email_key" }));
    expect(error).toBeInstanceOf(UniqueViolationError);
    expect(error).toMatchObject({ constraint: "users_email_key" });
  });

  test("leaves every other error as it is", () => {
    for (const error of [failure("syntax error", { code: "42601" }), failure("of the caller's own"), "no error"]) {
      expect(databaseErrorFrom(error)).toBe(error);
    }
  });
});
