import { describe, expect, test } from "vitest";
import { clientConfigFrom } from "./connection-config.ts";

const settings = {
  connectionString: "postgres://user:p%40ss@db:5432/weft",
  schema: "auth",
  applicationName: "auth",
  connectTimeoutMs: 5000,
  statementTimeoutMs: 15_000,
};

describe("clientConfigFrom", () => {
  test("makes the schema the whole search path and limits statements", () => {
    const { options, connectionString } = clientConfigFrom(settings);
    expect(options).toContain("-c search_path=auth ");
    expect(options).toContain("-c statement_timeout=15000");
    expect(connectionString).toBe(settings.connectionString);
  });

  test("keeps options of the connection string without letting them replace ours", () => {
    const given = `${settings.connectionString}?sslmode=disable&options=-c%20search_path%3Dpublic`;
    const { options, connectionString } = clientConfigFrom({ ...settings, connectionString: given });
    expect(options).toMatch(/^-c search_path=public -c search_path=auth /);
    expect(connectionString).toBe(`${settings.connectionString}?sslmode=disable`);
  });

  test.each(["", "Auth", "1auth", 'a"b', "a".repeat(64)])("refuses the schema name %j", (schema) => {
    expect(() => clientConfigFrom({ ...settings, schema })).toThrow(/^schema: /);
  });
});
