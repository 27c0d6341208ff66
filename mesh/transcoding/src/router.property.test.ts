import fc from "fast-check";
import { expect, test } from "vitest";
import { PathEncodingError } from "./path-template.ts";
import { buildRestRouter } from "./router.ts";
import { scriptedService } from "./testing/scripted-service.ts";

/*
 * The router against a naive oracle that shares no code with it: it never parses a template (a test route is made of its
 * parts), tries every way to cut the path, decodes by another route, and sorts all that match by what the README promises.
 */

type Step = { readonly kind: "literal"; readonly value: string } | { readonly kind: "any" } | { readonly kind: "rest" };
/** Consecutive steps of a template that belong together: one step, or all those of a variable. */
type Part = { readonly field?: string; readonly steps: readonly Step[] };
type Route = { readonly http: string; readonly parts: readonly Part[]; readonly verb: string };

const literals = ["a", "b", "é", "x y", "c:d", "100%"] as const;
const fields = ["id", "display_name", "main_part.id", "note"] as const;

const literal = fc.constantFrom(...literals).map((value): Step => ({ kind: "literal", value }));
const anySegment = fc.constant<Step>({ kind: "any" });
const single = fc.oneof(literal, anySegment).map((step): Part => ({ steps: [step] }));
const simple = fc.constantFrom(...fields).map((field): Part => ({ field, steps: [{ kind: "any" }] }));
const spanning = fc
  .tuple(fc.constantFrom(...fields), fc.array(fc.oneof(literal, anySegment), { minLength: 1, maxLength: 2 }))
  .map(([field, steps]): Part => ({ field, steps }));
const tail = fc.oneof(
  fc.constant<Part[]>([]),
  fc.constant<Part[]>([{ steps: [{ kind: "rest" }] }]),
  fc
    .tuple(fc.constantFrom(...fields), fc.array(literal, { maxLength: 1 }))
    .map(([field, before]): Part[] => [{ field, steps: [...before, { kind: "rest" }] }]),
);
const route: fc.Arbitrary<Route> = fc
  .tuple(
    fc.constantFrom("GET", "POST", "*"),
    fc.array(fc.oneof(single, simple, spanning), { minLength: 1, maxLength: 3 }),
    tail,
    fc.constantFrom("", "", "go", "stop"),
  )
  .map(([http, parts, last, verb]) => ({ http, parts: [...parts, ...last], verb }))
  .filter(({ parts }) => {
    const named = parts.flatMap(({ field }) => field ?? []);
    return new Set(named).size === named.length;
  });
const routes = fc.uniqueArray(route, { minLength: 1, maxLength: 8, selector: shapeOf });

/** A segment as clients may send it: as it is, or any of its characters percent-encoded in either case. */
const sentSegment = fc
  .tuple(
    fc.oneof(fc.constantFrom(...literals, "a/b", "go", ":", "%", "%ff", "%zz"), fc.string({ maxLength: 3 })),
    fc.constantFrom("as it is", "needed", "all", "lower case"),
  )
  .map(([text, form]) => {
    const all = (lower: boolean) =>
      [...new TextEncoder().encode(text)]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .map((hex) => `%${lower ? hex : hex.toUpperCase()}`)
        .join("");
    switch (form) {
      case "as it is":
        return text.replace(/[/?#]/g, "");
      case "needed":
        return encodeURIComponent(text).replaceAll("%3A", ":");
      default:
        return all(form === "lower case");
    }
  });
const sentPath = fc
  .tuple(fc.array(sentSegment, { minLength: 1, maxLength: 5 }), fc.constantFrom("", "", ":go", ":stop", "%3Ago", "/"))
  .map(([segments, end]) => `/${segments.join("/")}${end}`);

test("ASVS 1.5.3: finds the route, and the values, that the naive oracle finds", () => {
  let matched = 0;
  fc.assert(
    fc.property(routes, sentPath, fc.constantFrom("GET", "POST", "PUT"), (all, path, http) => {
      const router = routerOf(all);
      const candidates = all
        .map((each, index) => ({ index, route: each, captured: capture(each, path) }))
        .filter(({ captured }) => captured !== undefined)
        .sort((one, other) => (rank(one.route) < rank(other.route) ? -1 : 1));
      const exact = candidates.find(({ route: { http: verb } }) => verb === http || verb === "*");
      // Where one shape has both, the rule for the very method goes before the rule for any.
      const best =
        exact &&
        (candidates.find(({ route: each }) => each.http === http && rank(each) === rank(exact.route)) ?? exact);
      let found: ReturnType<typeof router.match>;
      try {
        found = router.match(http, path);
      } catch (error) {
        expect(error).toBeInstanceOf(PathEncodingError);
        expect([...(best?.captured ?? [])].filter(([, value]) => value === undefined).map(([name]) => name)).toContain(
          (error as PathEncodingError).fieldPath,
        );
        return;
      }
      if (best) {
        matched++;
        expect(found && "binding" in found ? found.binding.method.name : found).toBe(`R${best.index}`);
        expect(found).toHaveProperty("params", best.captured);
      } else if (candidates.length > 0) {
        const allow = [...new Set(candidates.map((candidate) => candidate.route.http))].sort();
        expect(found).toEqual({ allow });
        expect(router.verbsOf(path)).toEqual(allow);
      } else {
        expect(found).toBeUndefined();
        expect(router.verbsOf(path)).toBeUndefined();
      }
    }),
    { numRuns: 250 },
  );
  expect(matched).toBeGreaterThan(20);
});

function routerOf(all: readonly Route[]) {
  const methods = all.map(({ http, parts, verb }, i) => {
    const path = `/${parts.map(textOf).join("/")}${verb === "" ? "" : `:${verb}`}`;
    return [`R${i}`, { rule: { pattern: { case: "custom", value: { kind: http, path } } } as const }] as const;
  });
  return buildRestRouter([scriptedService(Object.fromEntries(methods)).service]);
}

function textOf({ field, steps }: Part): string {
  const inner = steps
    .map((step) => {
      if (step.kind !== "literal") {
        return step.kind === "any" ? "*" : "**";
      }
      // A colon in a template's last segment would be its verb.
      return encodeURIComponent(step.value);
    })
    .join("/");
  return field === undefined ? inner : inner === "*" ? `{${field}}` : `{${field}=${inner}}`;
}

/** The values by field if the route has the path: undefined for a value that cannot be decoded. */
function capture({ parts, verb }: Route, path: string): Map<string, string | undefined> | undefined {
  if (verb !== "" && !path.endsWith(`:${verb}`)) {
    return undefined;
  }
  const rest = verb === "" ? path : path.slice(0, -verb.length - 1);
  if (rest === "/" || !rest.startsWith("/") || rest.slice(1).split("/").includes("")) {
    return undefined;
  }
  const steps = parts.flatMap((part, index) => part.steps.map((step) => ({ ...step, index })));
  const raw = tryCut(steps, rest.slice(1).split("/"));
  return (
    raw &&
    new Map(
      parts.flatMap((part, index) =>
        part.field === undefined ? [] : [[part.field, decoded(part, (raw.get(index) ?? []).join("/"))] as const],
      ),
    )
  );
}

type PlacedStep = Step & { readonly index: number };

function tryCut(steps: readonly PlacedStep[], segments: readonly string[]): Map<number, string[]> | undefined {
  const [step, ...later] = steps;
  if (step === undefined) {
    return segments.length === 0 ? new Map() : undefined;
  }
  for (let taken = step.kind === "rest" ? 0 : 1; taken <= segments.length; taken++) {
    const mine = segments.slice(0, taken);
    const fits = step.kind !== "literal" || decodedOr(mine[0] ?? "", mine[0] ?? "") === step.value;
    const others = fits ? tryCut(later, segments.slice(taken)) : undefined;
    if (others) {
      return others.set(step.index, [...mine, ...(others.get(step.index) ?? [])]);
    }
    if (step.kind !== "rest") {
      return undefined;
    }
  }
  return undefined;
}

function decoded({ steps }: Part, raw: string): string | undefined {
  const spans = steps.length > 1 || steps[0]?.kind === "rest";
  return decodedOr(spans ? raw.replace(/%(2f)/gi, "%25$1") : raw, undefined);
}

function decodedOr<T>(text: string, otherwise: T): string | T {
  try {
    return decodeURIComponent(text);
  } catch {
    return otherwise;
  }
}

/** Sorts first what wins: a custom verb, then, from the left, a literal before `*` before the end before `**`. */
function rank({ parts, verb }: Route): string {
  const kinds = parts.flatMap(({ steps }) => steps.map(({ kind }) => ({ literal: "0", any: "1", rest: "3" })[kind]));
  return `${verb === "" ? 1 : 0}${kinds.join("")}${kinds.at(-1) === "3" ? "" : "2"}`;
}

/** Routes of one shape and method could not be told apart, and are refused when the router is built. */
function shapeOf({ http, parts, verb }: Route): string {
  return [
    http,
    verb,
    ...parts.flatMap(({ steps }) => steps.map((each) => (each.kind === "literal" ? each.value : each.kind))),
  ].join("/");
}
