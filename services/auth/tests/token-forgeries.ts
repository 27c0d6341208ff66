/**
 * One corpus of bad access tokens, for everybody who answers about tokens. The forger knows everything public, and in most
 * rows even the private key, to show that the rules about form hold beyond the signature. Each row begins with the item of
 * OWASP ASVS 5.0 that it shows.
 */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { openDatabase } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { type CryptoKey, exportJWK, importJWK, type JWK } from "jose";
import { createKeySealing } from "../src/adapters/key-sealing.ts";

export interface Forger {
  /** A good token in its parts. */
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The private key that signed it. */
  readonly signingJwk: JWK;
  nowSeconds(): number;
}

export interface TokenForgery {
  readonly what: string;
  /** The word of `ValidateTokenResponse.reason`. */
  readonly reason: string;
  make(forger: Forger): string | Promise<string>;
}

/** What a forger has to begin with. */
export function forgerOf(token: string, signingJwk: JWK, nowSeconds: () => number): Forger {
  const [header, claims] = token
    .split(".", 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as object);
  return { token, header: { ...header }, claims: { ...claims }, signingJwk, nowSeconds };
}

/** The newest private key of an auth service. `databaseUrl`: of somebody who may read its schema. */
export async function readSigningKey(databaseUrl: string, keySecret: string): Promise<JWK> {
  const options = { schema: "auth_schema", applicationName: "test", logger: silentLogger };
  const database = await openDatabase({ connectionString: databaseUrl, ...options });
  try {
    const [row] = await database.query<{ kid: string; sealed_private_jwk: Buffer }>(
      "SELECT kid, sealed_private_jwk FROM signing_keys ORDER BY created_at DESC LIMIT 1",
    );
    return JSON.parse(
      createKeySealing(keySecret).open(row?.kid ?? "", row?.sealed_private_jwk ?? new Uint8Array()),
    ) as JWK;
  } finally {
    await database.close();
  }
}

const encode = (part: string | object) =>
  Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");

async function signed({ signingJwk }: Forger, header: string | object, claims: string | object): Promise<string> {
  const input = `${encode(header)}.${encode(claims)}`;
  const key = (await importJWK(signingJwk, "EdDSA")) as CryptoKey;
  const signature = await crypto.subtle.sign("Ed25519", key, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

/** The same token with other header fields, well signed; `undefined` takes one away. */
const withHeader = (changes: object) => (forger: Forger) =>
  signed(forger, { ...forger.header, ...changes }, forger.claims);
/** The same token with other claims, well signed. */
export const withClaims = (changes: object | ((forger: Forger) => object)) => (forger: Forger) =>
  signed(forger, forger.header, {
    ...forger.claims,
    ...(typeof changes === "function" ? changes(forger) : changes),
  });
const bodyOf = ({ token }: Forger): string => token.split(".")[1] ?? "";
const signatureOf = ({ token }: Forger): string => token.split(".")[2] ?? "";

/** Signed with a symmetric algorithm, by a secret that is no secret. */
const symmetric = (secretOf: (forger: Forger) => string | Buffer) => (forger: Forger) => {
  const input = `${encode({ ...forger.header, alg: "HS256" })}.${bodyOf(forger)}`;
  return `${input}.${createHmac("sha256", secretOf(forger)).update(input).digest("base64url")}`;
};
const publicPem = ({ signingJwk }: Forger) => {
  const { d: _, ...jwk } = signingJwk;
  return createPublicKey({ key: jwk as never, format: "jwk" }).export({ type: "spki", format: "pem" });
};

/** Signed with a key of the forger's own, which the header names as `naming` says. */
const ownKey = (naming: (jwk: JWK) => object) => async (forger: Forger) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const input = `${encode({ ...forger.header, ...naming(await exportJWK(publicKey)) })}.${bodyOf(forger)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
};

function es256(forger: Forger): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const input = `${encode({ ...forger.header, alg: "ES256" })}.${bodyOf(forger)}`;
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

const elsewhere = "http://127.0.0.1/keys";
const rows: readonly (readonly [what: string, reason: string, make: TokenForgery["make"]])[] = [
  ["ASVS 9.1.1: what does not look like a token", "malformed", () => "garbage"],
  ["ASVS 9.1.1: three empty parts", "malformed", () => ".."],
  [
    "ASVS 9.1.1: bytes that are no text",
    "malformed",
    () => `${Buffer.from([0xff, 0xfe]).toString("base64url")}.e30.AA`,
  ],
  ["ASVS 9.1.1: a token of four parts", "malformed", ({ token }) => `${token}.AA`],
  ["ASVS 9.1.1: a token of five parts, as encrypted ones have", "malformed", ({ token }) => `${token}.AA.AA`],
  ["ASVS 9.1.1: a header that is an array", "malformed", (forger) => signed(forger, "[]", forger.claims)],
  ["ASVS 9.1.1: a signature by another key under the known id", "bad_signature", ownKey(() => ({}))],
  [
    "ASVS 9.1.1: claims that were changed",
    "bad_signature",
    (forger) =>
      `${forger.token.split(".")[0]}.${encode({ ...forger.claims, roles: ["admin"] })}.${signatureOf(forger)}`,
  ],
  ["ASVS 9.1.1: a signature that was cut", "bad_signature", ({ token }) => token.slice(0, -4)],
  [
    "ASVS 9.1.1: the signature of another token",
    "bad_signature",
    async (forger) => {
      const other = await withClaims({ username: "somebody-else" })(forger);
      return `${forger.token.slice(0, -signatureOf(forger).length)}${other.split(".")[2]}`;
    },
  ],
  [
    "ASVS 9.1.1: a claim that is there twice",
    "malformed",
    (forger) => signed(forger, forger.header, JSON.stringify(forger.claims).replace("{", '{"sub":"somebody-else",')),
  ],
  ["ASVS 9.1.1: claims that are no object", "malformed", (forger) => signed(forger, forger.header, '"sub"')],
  ["ASVS 9.1.1: more characters than any token has", "malformed", withClaims({ username: "x".repeat(8192) })],

  [
    "ASVS 9.1.2: no signature at all (alg none)",
    "bad_signature",
    (forger) => `${encode({ ...forger.header, alg: "none" })}.${bodyOf(forger)}.`,
  ],
  [
    "ASVS 9.1.2: alg none in other letters",
    "bad_signature",
    (forger) => `${encode({ ...forger.header, alg: "nOnE" })}.${bodyOf(forger)}.AA`,
  ],
  ["ASVS 9.1.2: alg none over a good signature", "bad_signature", withHeader({ alg: "none" })],
  [
    "ASVS 9.1.2: HS256 with the public key as its secret",
    "bad_signature",
    symmetric(({ signingJwk }) => Buffer.from(signingJwk.x ?? "", "base64url")),
  ],
  ["ASVS 9.1.2: HS256 with the public key as a PEM file as its secret", "bad_signature", symmetric(publicPem)],
  ["ASVS 9.1.2: HS256 with an empty secret", "bad_signature", symmetric(() => "")],
  ["ASVS 9.1.2: another asymmetric algorithm", "bad_signature", es256],
  ["ASVS 9.1.2: the right algorithm in other letters", "bad_signature", withHeader({ alg: "eddsa" })],
  ["ASVS 9.1.2: no algorithm", "malformed", withHeader({ alg: undefined })],
  ["ASVS 9.1.2: several algorithms", "malformed", withHeader({ alg: ["EdDSA", "none"] })],

  ["ASVS 9.1.3: a key of the forger's own, embedded as jwk", "malformed", ownKey((jwk) => ({ jwk }))],
  ["ASVS 9.1.3: a key of the forger's own at a jku", "malformed", ownKey(() => ({ jku: elsewhere }))],
  ["ASVS 9.1.3: a certificate of the forger's own at an x5u", "malformed", ownKey(() => ({ x5u: elsewhere }))],
  ["ASVS 9.1.3: a certificate of the forger's own, embedded as x5c", "malformed", ownKey(() => ({ x5c: ["AA=="] }))],
  ["ASVS 9.1.3: a jku beside a good signature", "malformed", withHeader({ jku: elsewhere })],
  ["ASVS 9.1.3: a crit extension beside a good signature", "malformed", withHeader({ crit: ["exp"] })],
  ["ASVS 9.1.3: a key id that is a path", "bad_signature", withHeader({ kid: "../../../../dev/null" })],
  ["ASVS 9.1.3: a key id that is SQL", "bad_signature", withHeader({ kid: "x' OR '1'='1" })],
  ["ASVS 9.1.3: a key id that is an address", "bad_signature", withHeader({ kid: elsewhere })],
  ["ASVS 9.1.3: a key id that is a property of every object", "bad_signature", withHeader({ kid: "__proto__" })],
  ["ASVS 9.1.3: a key id that is no text", "malformed", withHeader({ kid: { $ne: "" } })],
  ["ASVS 9.1.3: no key id", "malformed", withHeader({ kid: undefined })],

  ["ASVS 9.2.1: an expiry one second ago", "expired", withClaims((forger) => ({ exp: forger.nowSeconds() - 1 }))],
  ["ASVS 9.2.1: an expiry now", "expired", withClaims((forger) => ({ exp: forger.nowSeconds() }))],
  // Far enough for a token that takes its time to where it is refused.
  ["ASVS 9.2.1: a start ahead", "not_yet_valid", withClaims((forger) => ({ nbf: forger.nowSeconds() + 600 }))],
  ["ASVS 9.2.1: no expiry", "malformed", withClaims({ exp: undefined })],
  ["ASVS 9.2.1: no start", "malformed", withClaims({ nbf: undefined })],
  ["ASVS 9.2.1: an expiry that is no number", "malformed", withClaims({ exp: "9999999999" })],
  ["ASVS 9.2.1: an expiry beyond numbers", "malformed", withClaims({ exp: 1e300 })],

  ["ASVS 9.2.2: another type of token", "wrong_type", withHeader({ typ: "JWT" })],
  ["ASVS 9.2.2: the type of a refresh token", "wrong_type", withHeader({ typ: "rt+jwt" })],
  ["ASVS 9.2.2: no type", "malformed", withHeader({ typ: undefined })],
  ["ASVS 9.2.2: no subject", "malformed", withClaims({ sub: undefined })],
  ["ASVS 9.2.2: no session", "malformed", withClaims({ sid: undefined })],
  ["ASVS 9.2.2: scopes that are none", "malformed", withClaims({ scope: "" })],
  ["ASVS 9.2.2: scopes that are a list", "malformed", withClaims({ scope: ["project.read"] })],
  ["ASVS 9.2.2: roles that are no list", "malformed", withClaims({ roles: "admin" })],

  ["ASVS 9.2.3: another audience", "wrong_audience", withClaims({ aud: "elsewhere" })],
  ["ASVS 9.2.3: several audiences", "wrong_audience", withClaims({ aud: ["weft", "elsewhere"] })],
  ["ASVS 9.2.3: no audience", "wrong_audience", withClaims({ aud: undefined })],
  ["ASVS 9.2.3: another issuer", "wrong_audience", withClaims({ iss: "elsewhere" })],
];

export const tokenForgeries: readonly TokenForgery[] = rows.map(([what, reason, make]) => ({ what, reason, make }));
