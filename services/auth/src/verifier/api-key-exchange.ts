/**
 * Access tokens in the place of API keys, for the gateway: the auth service is asked once per key and few minutes, and what
 * it gave is kept by the SHA-256 of the key, so that no key stays in memory. The token is then checked like any other, by
 * which a revoked key is refused within its life, too.
 *
 * A token is exchanged anew after 0.7 of its life, so that a connection that lives by it has a later one to go on with; while
 * the auth service is away the old one serves to its end. What is refused is refused again for a few seconds without
 * asking; a network that sent too many keys that do not exist is told to wait, here, until it has waited. Never fails open.
 */
import { createHash } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { type Clock, errorReason, RecentMap, serviceError } from "@weft/mesh";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { addressHeader, networkOf, userAgentHeader } from "../client-facts.ts";
import type { TokenRefusal } from "./access-token.ts";
import { apiKeyIdOf } from "./api-key-format.ts";
import { tokenRefused, verificationUnavailable } from "./token-errors.ts";

/** Who sends a key, as far as that is known. */
export interface KeySender {
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
}

export interface ApiKeyExchange {
  /**
   * The access token to go on with. Throws UNAUTHENTICATED (TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED), RESOURCE_EXHAUSTED
   * (TOO_MANY_ATTEMPTS) with the time to wait, and UNAVAILABLE when nothing can be said.
   */
  accessToken(key: string, sender: KeySender): Promise<string>;
}

export interface ApiKeyExchangeOptions {
  readonly client: Pick<Client<typeof AuthService>, "exchangeApiKey">;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
}

interface Exchanged {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

interface Refused {
  readonly refusal: TokenRefusal;
  /** On the monotonic clock. */
  readonly untilMs: number;
}

const rememberedKeys = 10_000;
const rememberedNetworks = 10_000;
const refusedForMs = 5_000;
const askTimeoutMs = 2_000;
const renewAfterRatio = 0.7;
const leastWaitMs = 1_000;

export function createApiKeyExchange({ client, clock }: ApiKeyExchangeOptions): ApiKeyExchange {
  // Apart from each other, so that a flood of bad keys puts no good one out.
  const exchanged = new RecentMap<string, Exchanged>(rememberedKeys);
  const refused = new RecentMap<string, Refused>(rememberedKeys);
  const heldUp = new RecentMap<string, number>(rememberedNetworks);
  const asking = new Map<string, Promise<string>>();

  async function ask(key: string, name: string, sender: KeySender): Promise<string> {
    const network = networkOf(sender.address ?? "");
    const waitMs = (heldUp.get(network) ?? 0) - clock.monotonicMs();
    if (waitMs > 0) {
      throw tooMany(waitMs);
    }
    try {
      const options = { headers: headersFor(sender), timeoutMs: askTimeoutMs };
      const { accessToken: token, expiresAt, reason } = await client.exchangeApiKey({ apiKey: key }, options);
      if (token !== "" && expiresAt !== undefined) {
        const nowMs = clock.now();
        const expiresAtMs = timestampMs(expiresAt);
        const renewAtMs = nowMs + renewAfterRatio * (expiresAtMs - nowMs);
        exchanged.set(name, { token, expiresAtMs, renewAtMs });
        return token;
      }
      refused.set(name, { refusal: refusalOf(reason), untilMs: clock.monotonicMs() + refusedForMs });
    } catch (error) {
      if (errorReason(error) === "TOO_MANY_ATTEMPTS") {
        const untilMs = clock.monotonicMs() + Math.max(leastWaitMs, retryAfterMs(error));
        heldUp.set(network, untilMs);
        throw tooMany(untilMs - clock.monotonicMs());
      }
      throw verificationUnavailable(error);
    }
    exchanged.delete(name);
    throw tokenRefused(refused.get(name)?.refusal ?? "bad_signature");
  }

  return {
    async accessToken(key, sender) {
      if (apiKeyIdOf(key) === undefined) {
        throw tokenRefused("bad_signature");
      }
      const name = createHash("sha256").update(key).digest("base64");
      const before = exchanged.get(name);
      if (before !== undefined && clock.now() < before.renewAtMs) {
        return before.token;
      }
      const refusal = refused.get(name);
      if (refusal !== undefined && clock.monotonicMs() < refusal.untilMs) {
        throw tokenRefused(refusal.refusal);
      }
      let answer = asking.get(name);
      if (answer === undefined) {
        answer = ask(key, name, sender).finally(() => asking.delete(name));
        asking.set(name, answer);
      }
      return answer.catch((error: unknown) => {
        const refusedNow = error instanceof ConnectError && error.code === Code.Unauthenticated;
        if (!refusedNow && before !== undefined && clock.now() < before.expiresAtMs) {
          return before.token;
        }
        throw error;
      });
    },
  };
}

function headersFor({ address, userAgent }: KeySender): Headers {
  const headers = new Headers();
  if (address !== undefined) {
    headers.set(addressHeader, address);
  }
  if (userAgent !== undefined) {
    headers.set(userAgentHeader, userAgent);
  }
  return headers;
}

function refusalOf(reason: string): TokenRefusal {
  return reason === "expired" || reason === "revoked" ? reason : "bad_signature";
}

function retryAfterMs(error: unknown): number {
  const said = error instanceof ConnectError ? Number(error.metadata.get("retry-after-ms")) : 0;
  return Number.isFinite(said) ? said : 0;
}

function tooMany(waitMs: number): ConnectError {
  const message = "too many API keys that do not exist came from your network; wait as long as is said";
  const retryMs = Math.ceil(waitMs);
  const error = serviceError(Code.ResourceExhausted, "TOO_MANY_ATTEMPTS", message, { retryAfterMs: retryMs });
  error.metadata.set("retry-after", String(Math.ceil(retryMs / 1000)));
  return error;
}
