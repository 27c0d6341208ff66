/** What a `*` binding takes: the methods of RFC 9110 and PATCH (RFC 5789) that carry requests of an API. */
const allVerbs = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * The HTTP methods that a path answers, for `Allow`, from those its bindings have: GET brings HEAD along, and OPTIONS is
 * always answered.
 */
export function allowedVerbs(verbs: readonly string[]): string[] {
  const bound = verbs.includes("*") ? [...allVerbs, ...verbs.filter((verb) => verb !== "*")] : verbs;
  return [...new Set([...bound.flatMap((verb) => (verb === "GET" ? ["GET", "HEAD"] : [verb])), "OPTIONS"])];
}
