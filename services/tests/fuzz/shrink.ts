import type { FuzzRequest } from "./requests.ts";

/*
 * The smallest request with the same fault, as far as a bounded search finds it: fewer headers, no query, a body with
 * members, items and bytes left out. Greedy, in rounds: what still fails is kept and made smaller again.
 */

const maxTries = 150;

/** `fails` sends a request and says whether it still has the fault. */
export async function shrink(
  found: FuzzRequest,
  fails: (smaller: FuzzRequest) => Promise<boolean>,
): Promise<FuzzRequest> {
  let best = found;
  let tries = 0;
  for (let again = true; again; ) {
    again = false;
    for (const smaller of smallerOf(best)) {
      if (tries >= maxTries) {
        return best;
      }
      tries += 1;
      if (await fails(smaller)) {
        best = smaller;
        again = true;
        break;
      }
    }
  }
  return best;
}

function* smallerOf(request: FuzzRequest): Generator<FuzzRequest> {
  const query = request.target.indexOf("?");
  if (query >= 0) {
    const [path, parts] = [request.target.slice(0, query), request.target.slice(query + 1).split("&")];
    yield { ...request, target: path };
    for (const part of parts.slice(0, 8)) {
      yield { ...request, target: `${path}?${parts.filter((each) => each !== part).join("&")}` };
    }
  }
  for (const name of Object.keys(request.headers)) {
    const { [name]: _, ...headers } = request.headers;
    yield { ...request, headers };
  }
  if (request.body.byteLength > 0) {
    for (const body of smallerBodies(request.body)) {
      yield { ...request, body };
    }
  }
}

function* smallerBodies(body: Buffer): Generator<Buffer> {
  yield Buffer.alloc(0);
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    json = undefined;
  }
  if (typeof json === "object" && json !== null && body.byteLength < 100_000) {
    for (const smaller of smallerValues(json)) {
      const text = Buffer.from(JSON.stringify(smaller));
      if (text.byteLength < body.byteLength) {
        yield text;
      }
    }
    return;
  }
  for (let size = Math.ceil(body.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < body.length; at += size) {
      yield Buffer.concat([body.subarray(0, at), body.subarray(at + size)]);
    }
  }
}

function* smallerValues(value: unknown): Generator<unknown> {
  if (typeof value === "string" && value.length > 1) {
    yield value.slice(0, value.length / 2);
    yield value.slice(value.length / 2);
  } else if (Array.isArray(value)) {
    for (const index of value.keys()) {
      yield value.filter((_, other) => other !== index);
    }
    for (const [index, item] of value.entries()) {
      for (const smaller of smallerValues(item)) {
        yield value.with(index, smaller);
      }
    }
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    for (const [name] of entries) {
      yield Object.fromEntries(entries.filter(([other]) => other !== name));
    }
    for (const [name, inner] of entries) {
      for (const smaller of smallerValues(inner)) {
        yield Object.fromEntries(entries.map((entry) => (entry[0] === name ? [name, smaller] : entry)));
      }
    }
  }
}

/** The request as one can type it again, long bodies cut. */
export function described({ verb, target, headers, body, what }: FuzzRequest): string {
  const fields = Object.entries(headers).map(([name, value]) =>
    name === "authorization" && value.length > 40
      ? `${name}: ${value.slice(0, 12)}…`
      : `${name}: ${value.slice(0, 100)}`,
  );
  const text = body.toString();
  const plain = Buffer.from(text).equals(body) ? text : `0x${body.toString("hex")}`;
  const shown = plain.length > 600 ? `${plain.slice(0, 600)}… (${body.byteLength} bytes)` : plain;
  return `${verb} ${target.slice(0, 300)}\n  ${fields.join("\n  ")}\n  ${shown}\n  (${what})`;
}
