/**
 * One OpenID provider, by openid-client, which checks what comes back: state, `iss`, the ID token's issuer, audience, nonce,
 * times, and, told to, its signature. Nothing is asked of the provider before somebody wants to log in with it; what it says
 * of itself (discovery) is kept for an hour, and for longer while it does not answer.
 *
 * Requests go where the configuration says and where that document says, which must be https; plain http is for a provider
 * that is configured on this very machine, and for nothing elsewhere. Answers are cut off at a size, redirects not followed.
 * Errors of the library carry tokens and codes in their causes: what leaves here, and what is logged, is a word of ours.
 */
import type { Clock, Logger } from "@weft/mesh";
import * as oidc from "openid-client";
import { AuthError } from "../domain/errors.ts";
import type { DanceSecrets, IdentityProvider, ProviderAnswer, ProviderPerson } from "../domain/provider-ports.ts";
import { isLoopbackHttp, type ProviderConfig } from "../provider-config.ts";
import { failureOf } from "./openid-failures.ts";
import { profileFrom } from "./openid-profile.ts";

/** A provider with the secret that it knows us by. */
export interface OpenIdProviderOptions extends ProviderConfig {
  readonly clientSecret: string;
}

const requestTimeoutSeconds = 5;
const discoveryKeptMs = 3_600_000;
/** After a failure, while there is an older document to go on with. */
const discoveryRetryMs = 60_000;
/** OpenID Connect Core 1.0, 2: ASCII, 255 characters at the most. */
const subjectForm = /^[\x20-\x7e]{1,255}$/;
/** Far above any document of a provider, far below what would hurt. */
const answerMaxBytes = 1 << 20;

export function createOpenIdProvider(
  options: OpenIdProviderOptions,
  { clock, logger }: { clock: Clock; logger: Logger },
): IdentityProvider {
  const { name, label, issuer, trustEmail } = options;
  let known: { readonly configuration: oidc.Configuration; readonly atMs: number } | undefined;
  let asking: Promise<oidc.Configuration> | undefined;

  const discovered = async (): Promise<oidc.Configuration> => {
    if (known !== undefined && clock.now() - known.atMs < discoveryKeptMs) {
      return known.configuration;
    }
    asking ??= discover(options)
      .then((configuration) => {
        known = { configuration, atMs: clock.now() };
        return configuration;
      })
      .finally(() => {
        asking = undefined;
      });
    const before = known;
    return before === undefined
      ? asking
      : asking.catch(() => {
          known = { ...before, atMs: clock.now() - discoveryKeptMs + discoveryRetryMs };
          return before.configuration;
        });
  };

  const attempted = async <T>(what: string, work: (configuration: oidc.Configuration) => Promise<T>): Promise<T> => {
    let configuration: oidc.Configuration;
    try {
      configuration = await discovered();
    } catch (error) {
      logger.warn({ provider: name, ...failureOf(error) }, "the provider's description cannot be had");
      throw unavailable(label);
    }
    try {
      return await work(configuration);
    } catch (error) {
      if (error instanceof AuthError) {
        throw error;
      }
      const failure = failureOf(error);
      logger.warn({ provider: name, what, ...failure }, "the provider's answer is refused");
      if (failure.unreachable) {
        throw unavailable(label);
      }
      throw new AuthError("provider_refused", "the provider's answer is not good for this login; begin again", {
        detail: failure.reason,
      });
    }
  };

  return {
    name,
    label,
    issuer,
    authorizationUrl: (redirectUri, { state, nonce, verifier }: DanceSecrets) =>
      attempted("begin", async (configuration) => {
        const parameters = {
          redirect_uri: redirectUri,
          scope: "openid email profile",
          state,
          nonce,
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        };
        return oidc.buildAuthorizationUrl(configuration, parameters).href;
      }),
    exchange: (answer, redirectUri, { state, nonce, verifier }) =>
      attempted("code", async (configuration): Promise<ProviderPerson> => {
        const checks = {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        };
        const tokens = await oidc.authorizationCodeGrant(configuration, answerUrl(redirectUri, answer), checks);
        const claims = tokens.claims();
        if (claims === undefined || claims.iss !== issuer || !subjectForm.test(claims.sub)) {
          throw new AuthError("provider_refused", "the provider's answer is not good for this login", {
            detail: "issuer",
          });
        }
        return {
          issuer,
          subject: claims.sub,
          profile: () =>
            attempted("profile", async () => {
              const asked =
                claims.email === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined
                  ? await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub)
                  : {};
              return profileFrom({ ...claims, ...asked }, trustEmail);
            }),
        };
      }),
  };
}

async function discover(options: OpenIdProviderOptions): Promise<oidc.Configuration> {
  const { issuer, clientId, clientSecret } = options;
  const server = new URL(issuer);
  const plain = isLoopbackHttp(server);
  const configuration = await oidc.discovery(server, clientId, undefined, clientAuthentication(clientSecret), {
    [oidc.customFetch]: (url, init) => fetchFrom(url, init, plain),
    timeout: requestTimeoutSeconds,
    execute: plain ? [oidc.enableNonRepudiationChecks, oidc.allowInsecureRequests] : [oidc.enableNonRepudiationChecks],
  });
  const metadata = configuration.serverMetadata();
  if (metadata.issuer !== issuer) {
    throw new Error(`the discovery document names the issuer ${metadata.issuer}; configure that`);
  }
  for (const endpoint of ["authorization_endpoint", "token_endpoint", "jwks_uri"] as const) {
    assertAllowed(metadata[endpoint] ?? "", plain);
  }
  return configuration;
}

/** Basic unless the provider says that it takes something else only (OpenID Connect Discovery 1.0, 3). */
function clientAuthentication(clientSecret: string): oidc.ClientAuth {
  const [basic, post] = [oidc.ClientSecretBasic(clientSecret), oidc.ClientSecretPost(clientSecret)];
  return (server, ...rest) => {
    const supported = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (supported.includes("client_secret_basic") ? basic : post)(server, ...rest);
  };
}

function answerUrl(redirectUri: string, { code, state, iss }: ProviderAnswer): URL {
  const url = new URL(redirectUri);
  url.searchParams.set("code", code);
  url.searchParams.set("state", state);
  if (iss !== "") {
    url.searchParams.set("iss", iss);
  }
  return url;
}

async function fetchFrom(url: string, init: oidc.CustomFetchOptions, plain: boolean): Promise<Response> {
  assertAllowed(url, plain);
  const response = await fetch(url, init as RequestInit);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerMaxBytes) {
      throw new Error("the provider's answer is too large");
    }
    chunks.push(chunk);
  }
  const { status, statusText, headers } = response;
  return new Response(bytes === 0 ? null : Buffer.concat(chunks), { status, statusText, headers });
}

function assertAllowed(text: string, plain: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !(url.protocol === "https:" || (plain && isLoopbackHttp(url)))) {
    throw new Error("the provider names an address that is not https");
  }
}

function unavailable(label: string): AuthError {
  return new AuthError(
    "provider_unavailable",
    `${label} cannot be reached at the moment; try again or log in otherwise`,
  );
}
