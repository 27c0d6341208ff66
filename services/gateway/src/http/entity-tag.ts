import { hash } from "node:crypto";

/*
 * Entity tags and conditional requests (RFC 9110, 8.8.3 and 13.1.2): a client that has an answer already, and says so by its
 * tag, is told 304 instead of being sent it again. The tag is a hash of the body's bytes, so it is strong, needs no version
 * of anything behind, and is the same from every gateway.
 */

/** 132 bits of SHA-256: more than enough that no two bodies share a tag by chance. */
const tagCharacters = 22;

export function entityTag(body: Uint8Array): string {
  return `"${hash("sha256", body, "base64url").slice(0, tagCharacters)}"`;
}

/** Whether an If-None-Match header names the tag, or anything at all by "*". */
export function isKnownTag(ifNoneMatch: string, tag: string): boolean {
  return (
    ifNoneMatch.trim() === "*" ||
    ifNoneMatch
      .split(",")
      .map((each) => each.trim().replace(/^W\//, ""))
      .includes(tag)
  );
}
