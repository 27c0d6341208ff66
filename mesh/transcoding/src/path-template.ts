/*
 * The path templates of google.api.http: parsing them, and matching one against the path of a request.
 *
 *   /api/projects/{id}/versions/{version}:restore
 *   `*` is one segment, `**` is the rest (zero or more segments, last only), `{name=projects/*}` captures several
 *   segments, `{id}` is short for `{id=*}`, and `:restore` is a custom verb behind the last segment.
 *
 * Matching happens on the segments as they were sent, and only what was captured is decoded: "%2F" therefore never
 * splits a segment, and "%3A" never starts a verb. A variable of one segment is decoded completely; one that may span
 * segments keeps "%2F", because its own slashes would otherwise be indistinguishable from encoded ones. Empty segments
 * match nothing, so "/a//b" and "/a/" are not "/a/b" and "/a".
 *
 * Which of several matching templates wins is the router's decision.
 */

/** One step of a template. A literal is stored decoded. */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "any" }
  | { readonly kind: "rest" };

/** A `{fieldPath=…}` of a template: the segments from `start` up to, not including, `end` (undefined: up to the last). */
export type TemplateVariable = {
  readonly fieldPath: string;
  readonly start: number;
  readonly end: number | undefined;
  /** Whether the value may contain slashes, which decides how it is decoded. */
  readonly spansSegments: boolean;
};

/** A parsed template. `verb` is "" where there is none. */
export type PathTemplate = {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  readonly verb: string;
};

/** Thrown for a captured value whose percent-encoding is broken; names the field it was meant for. */
export class PathEncodingError extends Error {
  readonly fieldPath: string;

  constructor(fieldPath: string) {
    super(`the path value of "${fieldPath}" is not valid percent-encoded UTF-8`);
    this.name = "PathEncodingError";
    this.fieldPath = fieldPath;
  }
}

const literalPattern = /^(?:[A-Za-z0-9\-._~!$&'()+,;@]|%[0-9A-Fa-f]{2})+$/;
const fieldPathPattern = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/**
 * Parses a template. Throws an Error that quotes the template and says what is wrong with it: no leading slash, an
 * empty segment, an unclosed or nested variable, `**` anywhere but last, or a variable named twice.
 */
export function parsePathTemplate(text: string): PathTemplate {
  const fail = (reason: string): never => {
    throw new Error(`bad path template "${text}": ${reason}`);
  };
  if (!text.startsWith("/")) {
    fail("it must start with a slash");
  }
  const { path, verb } = splitTemplateVerb(text);
  if (verb !== undefined && !literalPattern.test(verb)) {
    fail(`"${verb}" is not a verb`);
  }
  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  const addSegments = (part: string): void => {
    for (const segment of part.split("/")) {
      segments.push(parseSegment(segment) ?? fail(segment === "" ? "empty segment" : `"${segment}" is not a segment`));
    }
  };
  for (const part of splitOutsideBraces(path.slice(1))) {
    if (!part.startsWith("{")) {
      addSegments(part);
      continue;
    }
    if (!part.endsWith("}")) {
      fail(`"${part}" is not a segment: a variable must be closed and fill its segment`);
    }
    const inner = part.slice(1, -1);
    const equals = inner.indexOf("=");
    const fieldPath = equals < 0 ? inner : inner.slice(0, equals);
    if (!fieldPathPattern.test(fieldPath)) {
      fail(`"${fieldPath}" is not a field path`);
    }
    if (variables.some((variable) => variable.fieldPath === fieldPath)) {
      fail(`variable "${fieldPath}" is given twice`);
    }
    const start = segments.length;
    addSegments(equals < 0 ? "*" : inner.slice(equals + 1));
    const endsInRest = segments.at(-1)?.kind === "rest";
    variables.push({
      fieldPath,
      start,
      end: endsInRest ? undefined : segments.length,
      spansSegments: endsInRest || segments.length - start > 1,
    });
  }
  if (segments.slice(0, -1).some((segment) => segment.kind === "rest")) {
    fail("** must be the last segment");
  }
  return { text, segments, variables, verb: verb ?? "" };
}

/**
 * Splits a request path (without query) into its segments as they were sent. Undefined for a path that has an empty
 * segment or does not start with a slash: no template matches such a path.
 */
export function splitRequestPath(path: string): string[] | undefined {
  if (!path.startsWith("/")) {
    return undefined;
  }
  const segments = path.slice(1).split("/");
  return segments.includes("") ? undefined : segments;
}

/** Splits the custom verb off the last segment of a request path; undefined where it has none. */
export function splitRequestVerb(segments: readonly string[]): { segments: string[]; verb: string } | undefined {
  const last = segments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon <= 0 || colon === last.length - 1) {
    return undefined;
  }
  return { segments: [...segments.slice(0, -1), last.slice(0, colon)], verb: last.slice(colon + 1) };
}

/** A segment as a literal compares it: decoded, or as it is where its encoding is broken. */
export function decodeLiteral(segment: string): string {
  if (!segment.includes("%")) {
    return segment;
  }
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * The values a template's variables capture from segments that are known to match it, by field path.
 * Throws PathEncodingError.
 */
export function captureVariables(template: PathTemplate, segments: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const { fieldPath, start, end, spansSegments } of template.variables) {
    try {
      values.set(
        fieldPath,
        spansSegments ? decodeKeepingSlashes(segments.slice(start, end).join("/")) : decoded(segments[start] ?? ""),
      );
    } catch {
      throw new PathEncodingError(fieldPath);
    }
  }
  return values;
}

/**
 * Matches one template against one path: the captured values by field path, or undefined. Throws PathEncodingError.
 * The router does the same for many templates at once.
 */
export function matchPathTemplate(template: PathTemplate, path: string): Map<string, string> | undefined {
  const sent = splitRequestPath(path);
  const split = sent && template.verb !== "" ? splitRequestVerb(sent) : undefined;
  const segments = template.verb === "" ? sent : split?.verb === template.verb ? split.segments : undefined;
  if (!segments) {
    return undefined;
  }
  const open = template.segments.at(-1)?.kind === "rest";
  const fixed = open ? template.segments.slice(0, -1) : template.segments;
  if (open ? segments.length < fixed.length : segments.length !== fixed.length) {
    return undefined;
  }
  const matches = fixed.every((step, i) => step.kind !== "literal" || step.value === decodeLiteral(segments[i] ?? ""));
  return matches ? captureVariables(template, segments) : undefined;
}

function parseSegment(text: string): TemplateSegment | undefined {
  if (text === "*") {
    return { kind: "any" };
  }
  if (text === "**") {
    return { kind: "rest" };
  }
  return literalPattern.test(text) ? { kind: "literal", value: decodeLiteral(text) } : undefined;
}

/** A colon starts the verb only behind the last slash and the last brace. */
function splitTemplateVerb(text: string): { path: string; verb: string | undefined } {
  const colon = text.lastIndexOf(":");
  if (colon < Math.max(0, text.lastIndexOf("}"), text.lastIndexOf("/"))) {
    return { path: text, verb: undefined };
  }
  return { path: text.slice(0, colon), verb: text.slice(colon + 1) };
}

function splitOutsideBraces(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "{") {
      depth++;
    } else if (char === "}") {
      depth--;
    } else if (char === "/" && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Most values have nothing to decode. */
function decoded(text: string): string {
  return text.includes("%") ? decodeURIComponent(text) : text;
}

function decodeKeepingSlashes(text: string): string {
  return text
    .split(/(%2f)/i)
    .map((part, i) => (i % 2 === 1 ? part : decodeURIComponent(part)))
    .join("");
}
