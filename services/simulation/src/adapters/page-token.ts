import { SimulationError } from "../domain/lifecycle/errors.ts";

/** The place where a page begins, as an opaque text for clients. */
export function encodePageToken(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Reads a token of `length` parts; refuses, naming the field, what `encodePageToken` did not make. */
export function decodePageToken(token: string | undefined, length: number): readonly (string | number)[] | undefined {
  if (token === undefined || token === "") {
    return undefined;
  }
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (
      Array.isArray(parts) &&
      parts.length === length &&
      parts.every((part) => typeof part === "string" || typeof part === "number")
    ) {
      return parts as (string | number)[];
    }
  } catch {
    // Not JSON: refused below.
  }
  throw new SimulationError("invalid", "pageToken: is not a token of an earlier page", {
    fields: [{ field: "pageToken", description: "is not a token of an earlier page" }],
  });
}
