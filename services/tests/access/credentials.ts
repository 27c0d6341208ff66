import type { DescMethod } from "@bufbuild/protobuf";
import { forgerOf, readSigningKey, tokenForgeries } from "@weft/auth/testing";
import { scopeOf } from "@weft/auth/verifier";
import { type Account, rest, type System } from "../system.ts";

/*
 * What somebody can call with besides a good login: API keys with and without a scope, and tokens and keys that are over.
 * All of them are the owner's, so that only the credential can be why a call is refused.
 */
export interface Credentials {
  /** A key with every scope there is. */
  readonly everyScope: string;
  /** By scope: a key with every other one. */
  readonly allBut: ReadonlyMap<string, string>;
  /** Why each of these is refused: TOKEN_EXPIRED … */
  readonly over: ReadonlyMap<string, { readonly credential: string; readonly reason: string }>;
}

/** Of channels, which no method stands for. */
const channelScopes = ["notifications.read"];

/** Every scope that something needs, in the order of letters. */
export function scopesOf(methods: readonly DescMethod[]): readonly string[] {
  const stated = methods.map(scopeOf).filter((scope) => scope !== undefined);
  return [...new Set([...stated, ...channelScopes])].sort();
}

/** `keySecret` opens the key with which a token that has expired is signed: a real one would take a quarter of an hour. */
export async function createCredentials(
  system: System,
  owner: Account,
  scopes: readonly string[],
  keySecret: string,
): Promise<Credentials> {
  const token = owner.accessToken;
  const ask = async <Body>(method: string, path: string, body: object): Promise<Body> => {
    const answer = await rest<Body>(system, method, path, { token, body });
    if (answer.status !== 200) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  };
  const key = (name: string, some: readonly string[]) =>
    ask<{ apiKey: { id: string }; secret: string }>("POST", "/api/auth/api-keys", { name, scopes: some });
  const allBut = new Map<string, string>();
  for (const scope of scopes) {
    const others = scopes.filter((other) => other !== scope);
    allBut.set(scope, (await key(`all but ${scope}`, others)).secret);
  }
  const revokedKey = await key("revoked", scopes);
  await rest(system, "DELETE", `/api/auth/api-keys/${revokedKey.apiKey.id}`, { token });
  const login = { login: owner.user.username, password: owner.password };
  const second = await ask<Account>("POST", "/api/auth/login", login);
  await ask("POST", "/api/auth/logout", { refreshToken: second.refreshToken });
  return {
    everyScope: (await key("every scope", scopes)).secret,
    allBut,
    over: new Map([
      ["a token that has expired", { credential: await expired(system, token, keySecret), reason: "TOKEN_EXPIRED" }],
      ["a token of a session that was ended", { credential: second.accessToken, reason: "TOKEN_REVOKED" }],
      ["a key that was revoked", { credential: revokedKey.secret, reason: "TOKEN_REVOKED" }],
    ]),
  };
}

async function expired(system: System, token: string, keySecret: string): Promise<string> {
  const { stores } = (await system.record()) as { stores: { postgres: { url: string } } };
  const key = await readSigningKey(stores.postgres.url, keySecret);
  const forgery = tokenForgeries.find(({ reason }) => reason === "expired");
  if (forgery === undefined) {
    throw new Error("there is no token that has expired");
  }
  return forgery.make(forgerOf(token, key, () => Math.floor(Date.now() / 1000)));
}
