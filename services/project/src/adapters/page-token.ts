import { ProjectError } from "../domain/errors.ts";
import { isStorable } from "../domain/storable-text.ts";

/** What one part of a token is: a moment in microseconds as PostgreSQL writes it, an id, or a count from 1. */
export type TokenPart = "moment" | "id" | "count";

/** The place where a page begins, as an opaque text for clients. */
export function encodePageToken(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Reads a token of these parts; refuses, naming the field, what `encodePageToken` did not make. */
export function decodePageToken(
  token: string | undefined,
  shape: readonly TokenPart[],
): readonly (string | number)[] | undefined {
  if (token === undefined || token === "") {
    return undefined;
  }
  const parts = parse(token);
  if (Array.isArray(parts) && parts.length === shape.length && shape.every((part, index) => fits(part, parts[index]))) {
    return parts as (string | number)[];
  }
  throw new ProjectError("invalid", "pageToken: is not a token of an earlier page", {
    fields: [{ field: "pageToken", description: "is not a token of an earlier page" }],
  });
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Strict, since what passes here goes into a statement, where a bad value would be an error of ours. */
function fits(part: TokenPart, value: unknown): boolean {
  if (part === "count") {
    return Number.isInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 31;
  }
  if (typeof value !== "string" || !isStorable(value)) {
    return false;
  }
  return part === "id" ? value.length <= 64 : isMoment(value);
}

function isMoment(text: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text)) {
    return false;
  }
  const date = new Date(text);
  // The 31st of February is a date to JavaScript.
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 19) === text.slice(0, 19);
}
