/**
 * OpenID providers on ports of this machine: a real one (oidc-provider), with a browser that logs somebody in there, and one
 * that follows a script, for what no honest provider answers.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import Provider from "oidc-provider";

export const redirectUri = "https://weft.example.org/login/provider";
export const clientSecret = "a client secret that no log may have";

/** The settings with which the service knows a provider. */
export function settingsOf(name: string, issuer: string, more: Readonly<Record<string, string>> = {}) {
  const prefix = `WEFT_OIDC_${name.toUpperCase()}`;
  return {
    [`${prefix}_ISSUER`]: issuer,
    [`${prefix}_CLIENT_ID`]: "weft",
    [`${prefix}_CLIENT_SECRET`]: clientSecret,
    ...more,
  };
}

export interface Answer {
  readonly code: string;
  readonly state: string;
  readonly iss: string;
  readonly error: string;
}

export interface OpenIdServer {
  readonly issuer: string;
  close(): Promise<void>;
}

export interface RealProvider extends OpenIdServer {
  /** What it says of its people, by their subject. */
  readonly people: Record<string, Readonly<Record<string, unknown>>>;
  /** Goes to the address as a browser would, logs the person in, and gives what they are sent back with. */
  visit(authorizationUrl: string, subject: string): Promise<Answer>;
}

export async function startRealProvider(): Promise<RealProvider> {
  const people: RealProvider["people"] = {};
  let handle: RequestListener = () => undefined;
  const server = await listen((request, response) => handle(request, response));
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const provider = new Provider(server.issuer, {
    clients: [{ client_id: "weft", client_secret: clientSecret, redirect_uris: [redirectUri] }],
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username", "given_name", "family_name"],
    },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
    cookies: { keys: ["a key for cookies"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "RS256", use: "sig", kid: "one" }] },
    ttl: { Grant: 60, Session: 60, Interaction: 60, AccessToken: 60, IdToken: 60 },
  });
  const callback = provider.callback();
  // The person whom the browser is about to be is in a header of its own: there is no page to type anything into.
  const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { params } = await provider.interactionDetails(request, response);
    const accountId = String(request.headers["x-person"]);
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const result = { login: { accountId }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result);
  };
  handle = (request, response) => {
    if (request.url?.startsWith("/interaction/")) {
      void interact(request, response);
    } else {
      callback(request, response);
    }
  };
  return { ...server, people, visit: (url, subject) => browse(url, subject) };
}

/** Follows redirects with cookies until one leads away from the provider. */
async function browse(from: string, person: string): Promise<Answer> {
  const cookies = new Map<string, string>();
  const home = new URL(from).origin;
  let url = new URL(from);
  while (url.origin === home) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie, "x-person": person } });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location === null) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
    url = new URL(location, url);
  }
  return answerOf(url);
}

function answerOf({ searchParams }: URL): Answer {
  const of = (name: string): string => searchParams.get(name) ?? "";
  return { code: of("code"), state: of("state"), iss: of("iss"), error: of("error") };
}

/** What a scripted provider is told to answer the next exchange with. */
export interface TokenScript {
  /** In place of what an honest one claims. */
  readonly claims?: JWTPayload;
  /** The whole ID token, in place of one that is signed. */
  readonly idToken?: string;
  /** Signs with a key that is not published. */
  readonly foreignKey?: boolean;
  readonly status?: number;
}

export interface ScriptedProvider extends OpenIdServer {
  /** Added to its discovery document. */
  metadata: Readonly<Record<string, unknown>>;
  /** An honest answer to the address, which the provider will exchange as told. */
  answer(authorizationUrl: string, script?: TokenScript): Answer;
  /** What was asked of it. */
  readonly requests: string[];
}

export async function startScriptedProvider(): Promise<ScriptedProvider> {
  const keys = await generateKeyPair("ES256", { extractable: true });
  const foreign = await generateKeyPair("ES256");
  const scripts = new Map<string, { nonce: string; script: TokenScript }>();
  const requests: string[] = [];
  const answers: Record<string, (body: URLSearchParams) => Promise<{ status?: number; json: unknown }>> = {
    "/.well-known/openid-configuration": async () => ({
      json: {
        issuer: provider.issuer,
        authorization_endpoint: `${provider.issuer}/authorize`,
        token_endpoint: `${provider.issuer}/token`,
        jwks_uri: `${provider.issuer}/jwks`,
        response_types_supported: ["code"],
        id_token_signing_alg_values_supported: ["ES256"],
        ...provider.metadata,
      },
    }),
    "/jwks": async () => ({ json: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: "one", alg: "ES256" }] } }),
    "/token": async (body) => {
      const { nonce = "", script = {} } = scripts.get(body.get("code") ?? "") ?? {};
      if (script.status !== undefined) {
        return { status: script.status, json: { error: "server_error" } };
      }
      const claims = { nonce, email: "ada@example.org", ...script.claims };
      const token = new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "one" });
      if (claims.iss === undefined) token.setIssuer(provider.issuer);
      if (claims.aud === undefined) token.setAudience("weft");
      if (claims.sub === undefined) token.setSubject("ada");
      if (claims.exp === undefined) token.setExpirationTime("5m");
      if (claims.iat === undefined) token.setIssuedAt();
      const signed = await token.sign(script.foreignKey === true ? foreign.privateKey : keys.privateKey);
      return { json: { access_token: "an access token", token_type: "Bearer", id_token: script.idToken ?? signed } };
    },
  };
  const server = await listen((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      const answer =
        answers[request.url ?? ""]?.(new URLSearchParams(text)) ?? Promise.resolve({ status: 404, json: {} });
      void answer.then(({ status = 200, json }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
      });
    });
  });
  let codes = 0;
  const provider: ScriptedProvider = {
    ...server,
    metadata: {},
    requests,
    answer(authorizationUrl, script = {}) {
      const { searchParams } = new URL(authorizationUrl);
      const code = `code-${++codes}`;
      scripts.set(code, { nonce: searchParams.get("nonce") ?? "", script });
      return { code, state: searchParams.get("state") ?? "", iss: provider.issuer, error: "" };
    },
  };
  return provider;
}

async function listen(handle: RequestListener): Promise<OpenIdServer> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    issuer: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
