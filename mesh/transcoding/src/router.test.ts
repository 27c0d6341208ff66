import { describe, expect, test } from "vitest";
import { buildRestRouter } from "./router.ts";
import { type ScriptedMethod, scriptedService } from "./testing/scripted-service.ts";

/** Each route is "VERB /template"; the method that has it is named after its position: R0, R1 … */
function routerOf(...routes: readonly string[]) {
  const methods = routes.map((route, i): [string, ScriptedMethod] => {
    const [kind = "", path = ""] = route.split(" ");
    return [`R${i}`, { rule: { pattern: { case: "custom", value: { kind, path } } } }];
  });
  return buildRestRouter([scriptedService(Object.fromEntries(methods)).service]);
}

describe("buildRestRouter", () => {
  test.each([
    ["GET /a/{id}", "GET /a/{display_name}"],
    ["GET /a/{id=x/*}", "GET /a/x/{id}"],
    ["POST /a/{id}:go", "POST /a/*:go"],
    ["GET /a/**", "GET /a/{id=**}"],
    ["* /a", "* /a"],
  ])("refuses %s beside %s, naming both", (one, two) => {
    expect(() => routerOf(one, two)).toThrow(`${two} of test.v1.Items.R1`);
    expect(() => routerOf(one, two)).toThrow(`${one} of test.v1.Items.R0`);
  });

  test("accepts the same path under other HTTP methods and custom verbs", () => {
    expect(routerOf("GET /a/{id}", "PUT /a/{id}", "GET /a/{id}:go", "GET /a/**").bindings).toHaveLength(4);
  });

  test("leaves out what is not included", () => {
    const { service } = scriptedService({
      Open: { rule: { pattern: { case: "get", value: "/open" } } },
      Closed: { rule: { pattern: { case: "get", value: "/closed" } } },
    });
    const router = buildRestRouter([service], { include: ({ method }) => method.name === "Open" });
    expect(router.match("GET", "/open")).toHaveProperty("binding");
    expect(router.match("GET", "/closed")).toBeUndefined();
  });
});

describe("RestRouter.match", () => {
  const router = routerOf(
    "GET /users/{id}",
    "POST /users/search",
    "GET /users/me",
    "GET /users/{id}/parts",
    "POST /users/{id}:stop",
    "POST /users:import",
    "GET /files/**",
    "* /any/{id}",
    "PUT /any/{id}",
  );

  function found(verb: string, path: string): string | undefined {
    const match = router.match(verb, path);
    if (!match) {
      return undefined;
    }
    return "allow" in match ? `allow ${match.allow.join()}` : match.binding.method.name;
  }

  test.each([
    ["GET", "/users/7", "R0"],
    ["GET", "/users/me", "R2"],
    ["GET", "/users/me/parts", "R3"],
    ["GET", "/users/search", "R0"],
    ["POST", "/users/search", "R1"],
    ["POST", "/users/a:stop", "R4"],
    ["POST", "/users:import", "R5"],
    ["GET", "/users/a:stop", "R0"],
    ["GET", "/files", "R6"],
    ["GET", "/files/a/b/c", "R6"],
    ["DELETE", "/any/1", "R7"],
    ["PUT", "/any/1", "R8"],
    ["DELETE", "/users/7", "allow GET"],
    ["DELETE", "/users/search", "allow GET,POST"],
    ["DELETE", "/users/a:stop", "allow GET,POST"],
    ["GET", "/nothing", undefined],
    ["GET", "/users/7/", undefined],
    ["GET", "//users/7", undefined],
  ])("%s %s is %s", (verb, path, expected) => {
    expect(found(verb, path)).toBe(expected);
  });

  test("gives the values of the path", () => {
    expect(router.match("POST", "/users/a%20b:stop")).toMatchObject({ params: new Map([["id", "a b"]]) });
  });
});
