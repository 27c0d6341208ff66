/**
 * What an API key may do: the methods whose (weft.options.v1.scope) it has. A method for users without that option is
 * closed to keys, whatever their scopes. Scopes only narrow: behind this the method decides by the rights of the user that
 * the key acts as (ASVS 8.3.3). A person's session has no scopes and is not narrowed.
 */
import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { scope as scopeOption } from "@weft/proto/weft/options/v1/scope_pb.ts";
import type { Principal } from "./principal.ts";

/** The scope that a key needs for a method; undefined for one that is closed to keys. */
export function scopeOf(method: DescMethod): string | undefined {
  // Reading an option decodes it each time, which calls should not wait for.
  if (!scopes.has(method)) {
    const stated = hasOption(method, scopeOption) ? getOption(method, scopeOption) : "";
    scopes.set(method, stated === "" ? undefined : stated);
  }
  return scopes.get(method);
}

const scopes = new WeakMap<DescMethod, string | undefined>();

/** Throws PERMISSION_DENIED (SCOPE_MISSING or SESSION_NEEDED) when the caller is a key that may not call the method. */
export function assertMethodScope(principal: Principal, method: DescMethod): void {
  if (principal.scopes !== undefined) {
    assertScope(principal, scopeOf(method));
  }
}

/** The same for anything else that takes a scope; undefined for what is closed to keys. */
export function assertScope(principal: Principal, scope: string | undefined): void {
  if (!hasScope(principal, scope)) {
    throw scope === undefined ? sessionNeeded() : scopeMissing(scope);
  }
}

export function hasScope({ scopes: own }: Principal, scope: string | undefined): boolean {
  return own === undefined || (scope !== undefined && own.includes(scope));
}

function scopeMissing(scope: string): ConnectError {
  const message = `the API key lacks the scope ${scope}`;
  const error = serviceError(Code.PermissionDenied, "SCOPE_MISSING", message, { metadata: { scope } });
  // RFC 6750, 3.1
  error.metadata.set("www-authenticate", `Bearer error="insufficient_scope", scope="${scope}"`);
  return error;
}

function sessionNeeded(): ConnectError {
  return serviceError(Code.PermissionDenied, "SESSION_NEEDED", "no API key can do this; log in and use that session");
}
