/**
 * An authenticator in software, for one user: makes ES256 passkeys and signs with them, and lies about whatever a test wants
 * it to (WebAuthn Level 3, sections 6.1 and 6.5; CBOR as in RFC 8949, as much of it as that takes).
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";

/** What an honest authenticator takes from the options and from its page. */
export interface Lies {
  readonly origin?: string;
  readonly crossOrigin?: boolean;
  readonly type?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly userVerified?: boolean;
  readonly userHandle?: string;
  readonly counter?: number;
  /** Signs with a key that is not the passkey's. */
  readonly otherKey?: boolean;
  /** An attestation with certificates, as `fmt` and `x5c`. */
  readonly certificates?: readonly Uint8Array[];
}

interface Credential {
  readonly id: string;
  readonly userHandle: string;
  readonly rpId: string;
  readonly key: KeyObject;
}

export interface SoftwareAuthenticator {
  /** The counter that the next use shows; 0 for one that keeps none. */
  counter: number;
  readonly credentials: readonly Credential[];
  /** RegistrationResponseJSON */
  create(options: JsonObject | undefined, lies?: Lies): JsonObject;
  /** AuthenticationResponseJSON */
  get(options: JsonObject | undefined, lies?: Lies): JsonObject;
}

type Cbor = number | string | Uint8Array | readonly Cbor[] | ReadonlyMap<number | string, Cbor>;
const flag = { userPresent: 0x01, userVerified: 0x04, attestedCredential: 0x40 };

export function createSoftwareAuthenticator(origin: string, { counter = 0 } = {}): SoftwareAuthenticator {
  const credentials: Credential[] = [];
  const authenticator: SoftwareAuthenticator = {
    counter,
    credentials,
    create(options, lies = {}) {
      const { rp, user, challenge } = options as { rp: { id: string }; user: { id: string }; challenge: string };
      const rpId = lies.rpId ?? rp.id;
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const id = randomBytes(16);
      const { x = "", y = "" } = publicKey.export({ format: "jwk" });
      const coseKey = new Map<number, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(x, "base64url")],
        [-3, Buffer.from(y, "base64url")],
      ]);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cbor(coseKey)]);
      const data = authenticatorData(rpId, flag.attestedCredential, lies, authenticator.counter, attested);
      const statement = new Map<string, Cbor>(lies.certificates === undefined ? [] : [["x5c", lies.certificates]]);
      const attestation = new Map<string, Cbor>([
        ["fmt", lies.certificates === undefined ? "none" : "packed"],
        ["attStmt", statement],
        ["authData", data],
      ]);
      credentials.push({ id: base64url(id), userHandle: user.id, rpId, key: privateKey });
      return response(base64url(id), {
        clientDataJSON: base64url(clientData("webauthn.create", challenge, origin, lies)),
        attestationObject: base64url(cbor(attestation)),
        transports: ["internal"],
      });
    },
    get(options, lies = {}) {
      const { challenge, allowCredentials = [] } = options as {
        challenge: string;
        allowCredentials?: { id: string }[];
      };
      const allowed = allowCredentials.map(({ id }) => id);
      const credential = credentials.find(({ id }) => allowed.length === 0 || allowed.includes(id));
      if (credential === undefined) throw new Error("there is no such passkey here");
      if (authenticator.counter > 0) authenticator.counter += 1;
      const data = authenticatorData(lies.rpId ?? credential.rpId, 0, lies, authenticator.counter);
      const client = clientData("webauthn.get", challenge, origin, lies);
      const signed = Buffer.concat([data, createHash("sha256").update(client).digest()]);
      const key = lies.otherKey ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey : credential.key;
      return response(credential.id, {
        clientDataJSON: base64url(client),
        authenticatorData: base64url(data),
        signature: base64url(sign("sha256", signed, key)),
        userHandle: lies.userHandle ?? credential.userHandle,
      });
    },
  };
  return authenticator;
}

function response(id: string, inner: JsonObject): JsonObject {
  return { id, rawId: id, type: "public-key", clientExtensionResults: {}, response: inner };
}

function clientData(type: string, challenge: string, origin: string, lies: Lies): Buffer {
  const told = { type, challenge, origin, crossOrigin: false };
  const { type: as = type, challenge: to = challenge, origin: from = origin, crossOrigin = false } = lies;
  return Buffer.from(JSON.stringify({ ...told, type: as, challenge: to, origin: from, crossOrigin }));
}

function authenticatorData(rpId: string, flags: number, lies: Lies, counter: number, attested?: Buffer): Buffer {
  const verified = lies.userVerified === false ? 0 : flag.userVerified;
  const count = Buffer.alloc(4);
  count.writeUInt32BE(lies.counter ?? counter);
  const head = Buffer.from([flag.userPresent | verified | flags]);
  return Buffer.concat([createHash("sha256").update(rpId).digest(), head, count, attested ?? Buffer.alloc(0)]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function cbor(value: Cbor): Buffer {
  if (typeof value === "number") {
    return value < 0 ? head(1, -1 - value) : head(0, value);
  }
  if (typeof value === "string") {
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  }
  if (value instanceof Uint8Array) {
    return Buffer.concat([head(2, value.length), value]);
  }
  if (value instanceof Map) {
    const entries = [...value].flatMap(([key, entry]) => [cbor(key), cbor(entry)]);
    return Buffer.concat([head(5, value.size), ...entries]);
  }
  const items = value as readonly Cbor[];
  return Buffer.concat([head(4, items.length), ...items.map(cbor)]);
}

/** A major type with its argument, below 65 536. */
function head(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.from([type | argument]);
  if (argument < 256) return Buffer.from([type | 24, argument]);
  return Buffer.from([type | 25, argument >> 8, argument & 255]);
}
