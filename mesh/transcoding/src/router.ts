import type { DescService } from "@bufbuild/protobuf";
import { methodName, type RestBinding, restBindingsOfService } from "./http-rule.ts";
import { captureVariables, decodeLiteral, splitRequestPath, splitRequestVerb } from "./path-template.ts";

/*
 * Finds the binding of a request among the google.api.http bindings of all services.
 *
 * The templates form a tree with one level per path segment. Under each node a literal is tried before `*`, and `*`
 * before `**`, so the template that is more literal from the left wins, whatever the order of declaration. A custom verb
 * is tried before the same path without one. The HTTP method takes part in the search: "GET /users/{id}" answers
 * "GET /users/search" although "POST /users/search" is more literal; 405 is left for paths that no method reaches.
 *
 * Two bindings with the same HTTP method and the same shape (variables compare as the wildcards they stand for) could
 * never be told apart: they are refused when the router is built. As it is a tree, a search visits each node at most
 * once, and its depth is the number of segments.
 */

/** What `match` found: a binding with its path values, or the HTTP methods the path has instead. */
export type RestMatch =
  | { readonly binding: RestBinding; readonly params: ReadonlyMap<string, string> }
  | { readonly allow: readonly string[] };

/** The routes of a set of services. */
export type RestRouter = {
  /** Every binding, in order of declaration. */
  readonly bindings: readonly RestBinding[];
  /**
   * Matches an HTTP method in capitals and a path without query, as it was sent. Undefined where no binding has the
   * path. Throws PathEncodingError for a path value that cannot be decoded.
   */
  match(verb: string, path: string): RestMatch | undefined;
  /** The HTTP methods that a path has, sorted; undefined where no binding has the path. "*" stands for all of them. */
  verbsOf(path: string): readonly string[] | undefined;
};

export type RestRouterOptions = {
  /** Which bindings to serve; all when absent. The gateway leaves out what is internal to the mesh. */
  readonly include?: (binding: RestBinding) => boolean;
};

/** Stands for no HTTP method at all. */
const noVerb = "";

/** By custom verb ("" for none), then by HTTP method. */
type Leaves = Map<string, Map<string, RestBinding>>;

type Node = {
  readonly literals: Map<string, Node>;
  any: Node | undefined;
  readonly ends: Leaves;
  readonly rest: Leaves;
};

/**
 * Builds the router. Throws an Error naming the method for a rule that is not valid, and one naming both methods for two
 * rules that would match the same requests.
 */
export function buildRestRouter(services: readonly DescService[], options: RestRouterOptions = {}): RestRouter {
  const bindings = services.flatMap(restBindingsOfService).filter(options.include ?? (() => true));
  const root = createNode();
  for (const binding of bindings) {
    insert(root, binding);
  }
  return { bindings, match: (verb, path) => match(root, verb, path), verbsOf: (path) => verbsOf(root, path) };
}

function createNode(): Node {
  return { literals: new Map(), any: undefined, ends: new Map(), rest: new Map() };
}

function insert(root: Node, binding: RestBinding): void {
  let node = root;
  let leaves: Leaves | undefined;
  for (const segment of binding.template.segments) {
    if (segment.kind === "rest") {
      leaves = node.rest;
    } else if (segment.kind === "any") {
      node.any ??= createNode();
      node = node.any;
    } else {
      const next = node.literals.get(segment.value) ?? createNode();
      node.literals.set(segment.value, next);
      node = next;
    }
  }
  leaves ??= node.ends;
  const byMethod = leaves.get(binding.template.verb) ?? new Map<string, RestBinding>();
  leaves.set(binding.template.verb, byMethod);
  const other = byMethod.get(binding.verb);
  if (other) {
    throw new Error(
      `${describe(binding)} of ${methodName(binding.method)} matches the same requests as ` +
        `${describe(other)} of ${methodName(other.method)}`,
    );
  }
  byMethod.set(binding.verb, binding);
}

function describe(binding: RestBinding): string {
  return `${binding.verb} ${binding.template.text}`;
}

function match(root: Node, verb: string, path: string): RestMatch | undefined {
  const segments = splitRequestPath(path);
  if (!segments) {
    return undefined;
  }
  const split = splitRequestVerb(segments);
  if (split) {
    const binding = find(root, split.segments, 0, split.verb, verb);
    if (binding) {
      return { binding, params: captureVariables(binding.template, split.segments) };
    }
  }
  const binding = find(root, segments, 0, "", verb);
  if (binding) {
    return { binding, params: captureVariables(binding.template, segments) };
  }
  const verbs = verbsAt(root, segments);
  return verbs.size > 0 ? { allow: [...verbs].sort() } : undefined;
}

function verbsOf(root: Node, path: string): readonly string[] | undefined {
  const segments = splitRequestPath(path);
  if (!segments) {
    return undefined;
  }
  const verbs = verbsAt(root, segments);
  return verbs.has("*") ? ["*"] : verbs.size > 0 ? [...verbs].sort() : undefined;
}

/** The HTTP methods of every binding that has the path. */
function verbsAt(root: Node, segments: readonly string[]): Set<string> {
  const verbs = new Set<string>();
  const split = splitRequestVerb(segments);
  // No binding has this method, so the search goes everywhere, but for one that takes any method.
  const any =
    (split && find(root, split.segments, 0, split.verb, noVerb, verbs)) ?? find(root, segments, 0, "", noVerb, verbs);
  return any ? verbs.add("*") : verbs;
}

/** Collects into `allow` the HTTP methods of every path that matched but for its method. */
function find(
  node: Node,
  segments: readonly string[],
  depth: number,
  customVerb: string,
  verb: string,
  allow?: Set<string>,
): RestBinding | undefined {
  const segment = segments[depth];
  if (segment === undefined) {
    return pick(node.ends, customVerb, verb, allow) ?? pick(node.rest, customVerb, verb, allow);
  }
  const literal = node.literals.get(decodeLiteral(segment));
  return (
    (literal && find(literal, segments, depth + 1, customVerb, verb, allow)) ??
    (node.any && find(node.any, segments, depth + 1, customVerb, verb, allow)) ??
    pick(node.rest, customVerb, verb, allow)
  );
}

function pick(
  leaves: Leaves,
  customVerb: string,
  verb: string,
  allow: Set<string> | undefined,
): RestBinding | undefined {
  const byMethod = leaves.get(customVerb);
  const binding = byMethod?.get(verb) ?? byMethod?.get("*");
  if (!binding && allow !== undefined) {
    for (const other of byMethod?.keys() ?? []) {
      allow.add(other);
    }
  }
  return binding;
}
