/**
 * WebAuthn (Level 3) by @simplewebauthn/server, for one relying party.
 *
 * Attestation is not asked for, since we trust every maker alike. A response that brings a certificate all the same is
 * refused before it is verified: to verify one the package fetches the revocation list that the certificate names, and an
 * address that a client has chosen is not for this service to visit. The counter is left to the store, which compares it
 * once the signature is known to be good; compared before, anybody could make it look as if a key had been copied.
 */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { decodeAttestationObject, decodeClientDataJSON } from "@simplewebauthn/server/helpers";
import { anyLocalPort, type WebAuthnConfig } from "../config.ts";
import type { Checked, JsonObject, Passkey, WebAuthn } from "../domain/factor-ports.ts";

/** EdDSA, ES256 and RS256: what WebAuthn's registry recommends and authenticators have. */
const algorithms = [-8, -7, -257];
/** How long browsers ask for; not longer than a challenge lives. */
const timeoutMs = 5 * 60_000;
const transportForm = /^[a-z-]{1,32}$/;
const transportsMax = 8;

export function createWebAuthn({ rpId, origins }: WebAuthnConfig): WebAuthn {
  /** None for a page that another site shows in a frame, which could be made to look like something else. */
  const expectedOrigins = ({ origin, crossOrigin }: ClientData): string[] => {
    const local = origins.includes(anyLocalPort) && /^http:\/\/localhost(?::\d{1,5})?$/.test(origin);
    return crossOrigin ? [] : local ? [origin] : [...origins];
  };
  return {
    async registrationOptions(challenge, { userId, username, displayName }, existing) {
      return plainJson(
        await generateRegistrationOptions({
          rpName: "Weft",
          rpID: rpId,
          userID: new TextEncoder().encode(userId),
          userName: username,
          userDisplayName: displayName,
          challenge: bytesOf(challenge),
          timeout: timeoutMs,
          attestationType: "none",
          excludeCredentials: existing.map(descriptor),
          authenticatorSelection: { residentKey: "required", userVerification: "required" },
          supportedAlgorithmIDs: algorithms,
        }),
      );
    },
    async requestOptions(challenge, allowed) {
      return plainJson(
        await generateAuthenticationOptions({
          rpID: rpId,
          challenge: bytesOf(challenge),
          timeout: timeoutMs,
          userVerification: "required",
          ...(allowed === undefined ? {} : { allowCredentials: allowed.map(descriptor) }),
        }),
      );
    },
    challengeOf: (response) => clientDataOf(response)?.challenge,
    userIdOf({ response: inner }) {
      const handle = isObject(inner) ? inner.userHandle : undefined;
      return typeof handle === "string" && handle !== ""
        ? Buffer.from(handle, "base64url").toString("utf8")
        : undefined;
    },
    checkRegistration: (response, challenge) =>
      checked(async () => {
        const registration = response as unknown as RegistrationResponseJSON;
        assertNoCertificates(registration);
        const verified = await verifyRegistrationResponse({
          response: registration,
          expectedChallenge: challenge,
          expectedOrigin: expectedOrigins(knownClientData(response)),
          expectedRPID: rpId,
          requireUserVerification: true,
          supportedAlgorithmIDs: algorithms,
        });
        if (!verified.verified) {
          throw new Error("the attestation is not good");
        }
        const { credential, credentialBackedUp: backedUp } = verified.registrationInfo;
        const { id: credentialId, publicKey, counter } = credential;
        return { credential: { credentialId, publicKey, counter, transports: transportsOf(credential), backedUp } };
      }),
    checkAssertion: (response, challenge, passkey) =>
      checked(async () => {
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response: response as unknown as AuthenticationResponseJSON,
          expectedChallenge: challenge,
          expectedOrigin: expectedOrigins(knownClientData(response)),
          expectedRPID: rpId,
          credential: { id: passkey.credentialId, publicKey: new Uint8Array(passkey.publicKey), counter: 0 },
          requireUserVerification: true,
        });
        if (!verified) {
          throw new Error("the signature is not good");
        }
        return { counter: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp };
      }),
  };
}

/**
 * The package refuses by throwing, and throws what it likes at bytes that are none. Its words repeat what a client wrote,
 * which must break neither a line of the log nor a row of the trail.
 */
async function checked<T extends object>(check: () => Promise<T>): Promise<Checked<T>> {
  try {
    return { good: true, ...(await check()) };
  } catch (error) {
    return { good: false, why: error instanceof Error ? printable(error.message).slice(0, 200) : "malformed" };
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "");
}

interface ClientData {
  readonly challenge: string;
  readonly origin: string;
  readonly crossOrigin: boolean;
}

function clientDataOf(response: JsonObject): ClientData | undefined {
  const { response: inner } = response;
  const encoded = isObject(inner) ? inner.clientDataJSON : undefined;
  if (typeof encoded !== "string") {
    return undefined;
  }
  try {
    const { challenge, origin, crossOrigin } = decodeClientDataJSON(encoded);
    return typeof challenge === "string" && typeof origin === "string"
      ? { challenge, origin, crossOrigin: crossOrigin === true }
      : undefined;
  } catch {
    return undefined;
  }
}

function knownClientData(response: JsonObject): ClientData {
  const data = clientDataOf(response);
  if (data === undefined) {
    throw new Error("clientDataJSON cannot be read");
  }
  return data;
}

function assertNoCertificates({ response }: RegistrationResponseJSON): void {
  const attestation = decodeAttestationObject(bytesOf(response.attestationObject));
  const format = attestation.get("fmt");
  // "packed" without certificates is signed by the new key itself, which some authenticators do whatever is asked.
  if (format !== "none" && !(format === "packed" && attestation.get("attStmt").get("x5c") === undefined)) {
    throw new Error(`an attestation of the form "${format}" was not asked for`);
  }
}

function descriptor({ credentialId, transports }: Passkey): { id: string; transports: string[] } {
  return { id: credentialId, transports: [...transports] };
}

function transportsOf({ transports }: { readonly transports?: readonly unknown[] }): string[] {
  if (!Array.isArray(transports)) {
    return [];
  }
  return transports.filter((one) => typeof one === "string" && transportForm.test(one)).slice(0, transportsMax);
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64url, "base64url"));
}

/** Without what is undefined, which JSON has not. */
function plainJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
