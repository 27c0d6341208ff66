import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchPathTemplate, PathEncodingError, parsePathTemplate } from "./path-template.ts";
import { anyText } from "./testing/any-text.ts";

function match(template: string, path: string): Record<string, string> | undefined {
  const values = matchPathTemplate(parsePathTemplate(template), path);
  return values && Object.fromEntries(values);
}

describe("parsePathTemplate", () => {
  test.each([
    ["api/a", "start with a slash"],
    ["/", "empty segment"],
    ["/a//b", "empty segment"],
    ["/a/", "empty segment"],
    ["/a/{b", "closed"],
    ["/a/b}", "not a segment"],
    ["/a/x{b}", "not a segment"],
    ["/a/{b}{c}", "not a field path"],
    ["/a/{}", "not a field path"],
    ["/a/{b.}", "not a field path"],
    ["/a/{b=}", "empty segment"],
    ["/a/{b={c}}", "not a segment"],
    ["/a/{b}/{b}", "given twice"],
    ["/a/**/b", "** must be the last"],
    ["/a/{b=**}/c", "** must be the last"],
    ["/a/***", "not a segment"],
    ["/a:b/c", "not a segment"],
    ["/a/{b}:", "not a verb"],
    ["/a/%zz", "not a segment"],
  ])("refuses %s", (template, reason) => {
    expect(() => parsePathTemplate(template)).toThrow(reason);
  });
});

describe("matchPathTemplate", () => {
  test.each([
    ["/api/projects", "/api/projects", {}],
    ["/api/projects", "/api/projects/", undefined],
    ["/api/projects", "/api//projects", undefined],
    ["/api/projects", "/api/%70rojects", {}],
    ["/.well-known/jwks.json", "/.well-known/jwks.json", {}],
    ["/api/*", "/api/a", {}],
    ["/api/*", "/api/a/b", undefined],
    ["/api/**", "/api", {}],
    ["/api/**", "/api/a/b", {}],
    ["/api/{id}", "/api/a%2Fb%20c", { id: "a/b c" }],
    ["/api/{part.id=*}", "/api/a+b", { "part.id": "a+b" }],
    ["/api/{name=projects/*}", "/api/projects/p1", { name: "projects/p1" }],
    ["/api/{name=projects/*}", "/api/users/p1", undefined],
    ["/api/{name=projects/*}/x/{id}", "/api/projects/p1/x/7", { name: "projects/p1", id: "7" }],
    ["/api/{name=files/**}", "/api/files/a/b%2Fc%20d", { name: "files/a/b%2Fc d" }],
    ["/api/{name=**}", "/api", { name: "" }],
    ["/api/projects:import", "/api/projects:import", {}],
    ["/api/projects:import", "/api/projects%3Aimport", undefined],
    ["/api/{id}:stop", "/api/a:b:stop", { id: "a:b" }],
    ["/api/{id}:stop", "/api/:stop", undefined],
    ["/api/{id}", "/api/a:stop", { id: "a:stop" }],
    ["/api/{name=**}:stop", "/api/a/b:stop", { name: "a/b" }],
    ["/api/a", "api/a", undefined],
    ["/api/{id}", "*", undefined],
  ])("%s against %s", (template, path, expected) => {
    expect(match(template, path)).toEqual(expected);
  });

  test("names the field of a value with broken percent-encoding", () => {
    for (const path of ["/api/%", "/api/%zz", "/api/%ff"]) {
      expect(() => match("/api/{part.id}", path)).toThrow(PathEncodingError);
      expect(() => match("/api/{part.id}", path)).toThrow('"part.id"');
    }
  });

  test("agrees with a regular expression made from the template", () => {
    const piece = fc.constantFrom("a", "b", "api", "*", "{x}", "{y.z=*}", "{n=a/*}", "{m=b/*/api}");
    const last = fc.constantFrom("", "/**", "/{r=**}", "/{s=a/**}");
    const template = fc
      .tuple(fc.uniqueArray(piece, { minLength: 1, maxLength: 4 }), last, fc.constantFrom("", ":go", ":b"))
      .map(([pieces, tail, verb]) => `/${pieces.join("/")}${tail}${verb}`);
    const segment = fc.constantFrom("a", "b", "api", "a:go", "b:b", "c%2Fd", "x%20y", "", ":go", "api:b");
    const path = fc.array(segment, { minLength: 1, maxLength: 7 }).map((segments) => `/${segments.join("/")}`);
    fc.assert(
      fc.property(template, path, (text, sent) => {
        const found = oracle(text).exec(sent);
        const values = found?.groups ?? (found ? {} : undefined);
        const decoded =
          values &&
          Object.fromEntries(
            Object.entries(values).map(([name, value]) => {
              const raw = (value ?? "").replace(/^\//, "");
              const single = name === "x" || name === "y_z";
              return [name.replace("_", "."), decodeURIComponent(single ? raw : raw.replaceAll("%2F", "%252F"))];
            }),
          );
        expect(match(text, sent)).toEqual(decoded);
      }),
      { numRuns: 1000 },
    );
  });

  test("never throws anything but PathEncodingError", () => {
    const templates = ["/{x}", "/a/{r=**}", "/a/{x}:go", "/**"].map(parsePathTemplate);
    fc.assert(
      fc.property(anyText, (text) => {
        for (const template of templates) {
          try {
            matchPathTemplate(template, `/a/${text}`);
          } catch (error) {
            expect(error).toBeInstanceOf(PathEncodingError);
          }
        }
      }),
    );
  });
});

/** The template as one regular expression; a `**` takes its slash with it, so that it may match nothing. */
function oracle(template: string): RegExp {
  const [, path = "", verb = ""] = /^(.*?)(:\w+)?$/.exec(template) ?? [];
  const wildcards = (text: string): string =>
    text.replaceAll("/**", "(?:/[^/]+)*").replaceAll(/(?<![)*])\*(?!\*)/g, "[^/]+");
  const source = path
    .split(/(\/\{[^}]+\})/)
    .map((part) => {
      const [, name, inner = "*"] = /^\/\{([^=}]+)(?:=(.*))?\}$/.exec(part) ?? [];
      return name ? `(?<${name.replace(".", "_")}>${oneVariable(inner, wildcards)})` : wildcards(part);
    })
    .join("");
  return new RegExp(`^${source}${verb}$`);
}

function oneVariable(inner: string, wildcards: (text: string) => string): string {
  return wildcards(`/${inner}`);
}
