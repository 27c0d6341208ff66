import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchPathTemplate, type PathTemplate } from "./path-template.ts";
import { buildRestRouter } from "./router.ts";
import { type ScriptedMethod, scriptedService } from "./scripted-service.ts";

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

  test("agrees with matching every template and taking the most literal", () => {
    const piece = fc.constantFrom("a", "b", "*", "{id}");
    const routes = fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom("GET", "POST"),
          fc.array(piece, { minLength: 1, maxLength: 3 }).filter((p) => p.filter((s) => s === "{id}").length < 2),
          fc.constantFrom("", "/**"),
          fc.constantFrom("", ":go"),
        )
        .map(([verb, pieces, tail, custom]) => `${verb} /${pieces.join("/")}${tail}${custom}`),
      { minLength: 1, maxLength: 8, selector: (route) => route.replace("{id}", "*") },
    );
    const segment = fc.constantFrom("a", "b", "c", "b:go", "a:no");
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
    fc.assert(
      fc.property(routes, path, fc.constantFrom("GET", "POST"), (all, sent, verb) => {
        const built = routerOf(...all);
        const matching = built.bindings.filter(({ template }) => matchPathTemplate(template, sent));
        const best = matching
          .filter((binding) => binding.verb === verb)
          .sort((one, two) => (rank(one.template) < rank(two.template) ? -1 : 1))[0];
        const match = built.match(verb, sent);
        if (best) {
          expect(match).toMatchObject({ binding: { template: { text: best.template.text } } });
        } else if (matching.length > 0) {
          expect(match).toEqual({ allow: [...new Set(matching.map((binding) => binding.verb))].sort() });
        } else {
          expect(match).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Sorts first what the router prefers: a custom verb, then, from the left, a literal before `*` before the end before `**`. */
function rank({ segments, verb }: PathTemplate): string {
  const ranks = segments.map(({ kind }) => ({ literal: "0", any: "1", rest: "3" })[kind]).join("");
  return `${verb === "" ? 1 : 0}${ranks}${ranks.endsWith("3") ? "" : "2"}`;
}
