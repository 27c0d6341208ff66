/**
 * What makes an access token good, apart from revocation: the one definition that `ValidateToken` and every local
 * verifier share, so that their answers agree.
 *
 * The signature comes first and nothing of an unsigned claim is believed or answered about. The header must be exactly
 * {alg, kid, typ}: a token that brings its own key (`jwk`, `jku`, `x5u`) or an extension (`crit`) is none of ours. The
 * algorithm is fixed, never read from the token. Header and claims must be in the form our issuer writes (JSON without
 * spaces or repeated names), so there is one way to read them. Times have no tolerance: the issuer dates `nbf` back
 * instead, which keeps two verifiers from disagreeing by their settings.
 */
import { type CryptoKey, compactVerify, errors } from "jose";
import type { Principal } from "./principal.ts";

export const accessTokenProfile = {
  algorithm: "EdDSA",
  type: "at+jwt",
  issuer: "weft-auth",
  audience: "weft",
  /** Longer than any token we issue by an order of magnitude. */
  maxCharacters: 8192,
  /** How far `nbf` is dated back, for clocks of other machines that are behind. */
  notBeforeSlackSeconds: 30,
} as const;

/** Why a token is refused; the words of `ValidateTokenResponse.reason`. */
export type TokenRefusal =
  | "malformed"
  | "bad_signature"
  | "expired"
  | "not_yet_valid"
  | "wrong_type"
  | "wrong_audience"
  | "revoked";

export type TokenCheck =
  | { readonly valid: true; readonly principal: Principal }
  | { readonly valid: false; readonly reason: TokenRefusal };

/** Finds a public key by its id; undefined when there is none. Throws when the keys cannot be had. */
export type FindKey = (kid: string) => Promise<CryptoKey | undefined>;

/** Checks everything but revocation. Throws only what `findKey` throws. */
export async function checkAccessToken(token: string, findKey: FindKey, nowMs: number): Promise<TokenCheck> {
  const header = readHeader(token);
  if (header === undefined) {
    return { valid: false, reason: "malformed" };
  }
  const key = header.alg === accessTokenProfile.algorithm ? await findKey(header.kid) : undefined;
  if (key === undefined) {
    return { valid: false, reason: "bad_signature" };
  }
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(token, key, { algorithms: [accessTokenProfile.algorithm] }));
  } catch (error) {
    const forged = error instanceof errors.JWSSignatureVerificationFailed;
    return { valid: false, reason: forged ? "bad_signature" : "malformed" };
  }
  return checkClaims(header, readCanonicalJson(new TextDecoder().decode(payload)), nowMs);
}

interface TokenHeader {
  readonly alg: string;
  readonly kid: string;
  readonly typ: string;
}

function readHeader(token: string): TokenHeader | undefined {
  if (token.length > accessTokenProfile.maxCharacters) {
    return undefined;
  }
  const [encoded, , , extra] = token.split(".");
  if (encoded === undefined || extra !== undefined || !/^[A-Za-z0-9_-]+$/.test(encoded)) {
    return undefined;
  }
  const header = readCanonicalJson(Buffer.from(encoded, "base64url").toString("utf8"));
  if (header === undefined || Object.keys(header).sort().join() !== "alg,kid,typ") {
    return undefined;
  }
  const { alg, kid, typ } = header;
  return typeof alg === "string" && typeof kid === "string" && typeof typ === "string" ? { alg, kid, typ } : undefined;
}

function checkClaims(header: TokenHeader, claims: Record<string, unknown> | undefined, nowMs: number): TokenCheck {
  if (claims === undefined) {
    return { valid: false, reason: "malformed" };
  }
  if (header.typ !== accessTokenProfile.type) {
    return { valid: false, reason: "wrong_type" };
  }
  if (claims.iss !== accessTokenProfile.issuer || claims.aud !== accessTokenProfile.audience) {
    return { valid: false, reason: "wrong_audience" };
  }
  const { sub, sid, jti, username, roles, scope, iat, nbf, exp } = claims;
  if (
    !isName(sub) ||
    !isName(sid) ||
    !isName(jti) ||
    !isName(username) ||
    !isNameList(roles) ||
    !(scope === undefined || isScopeText(scope)) ||
    !isSeconds(iat) ||
    !isSeconds(nbf) ||
    !isSeconds(exp)
  ) {
    return { valid: false, reason: "malformed" };
  }
  if (nowMs >= exp * 1000) {
    return { valid: false, reason: "expired" };
  }
  if (nowMs < nbf * 1000) {
    return { valid: false, reason: "not_yet_valid" };
  }
  const scopes = scope?.split(" ");
  return { valid: true, principal: { userId: sub, username, sessionId: sid, roles, scopes, expiresAtMs: exp * 1000 } };
}

/** A JSON object written without spaces and without repeated names; undefined for any other text. */
function readCanonicalJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const plain = typeof value === "object" && value !== null && !Array.isArray(value);
    return plain && JSON.stringify(value) === text ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isName);
}

/** At least one scope, with single spaces between: a token that is meant to be limited never turns out to be unlimited. */
function isScopeText(value: unknown): value is string {
  return typeof value === "string" && /^[a-z]+\.[a-z]+( [a-z]+\.[a-z]+)*$/.test(value);
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
