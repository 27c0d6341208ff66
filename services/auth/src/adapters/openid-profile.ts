import type { ProviderProfile } from "../domain/provider-ports.ts";

const emailForm = /^[^\s<>@"(),:;\\[\]]{1,64}@[^\s<>@"(),:;\\[\]]+\.[^\s<>@"(),:;\\[\]]+$/;
const emailMax = 254;
const nameMax = 100;

/** What is told of a person by an ID token and the userinfo answer, as far as it can be used; the rest is left out. */
export function profileFrom(claims: Readonly<Record<string, unknown>>, trustEmail: boolean): ProviderProfile {
  const email = text(claims.email);
  const usable = email.length <= emailMax && emailForm.test(email);
  // Some write "true"; a provider that does not keep to the specification is not believed in this.
  const emailVerified = usable && trustEmail && claims.email_verified === true;
  const preferredUsername = text(claims.preferred_username);
  const [first = "", ...last] = text(claims.name).split(" ");
  const firstName = cut(text(claims.given_name) || first);
  const lastName = cut(text(claims.family_name) || last.join(" "));
  return { email: usable ? email : "", emailVerified, preferredUsername, firstName, lastName };
}

function text(claim: unknown): string {
  return typeof claim === "string" ? claim.replaceAll(/\p{C}+/gu, "").trim() : "";
}

/** By characters, so that none is cut in two. */
function cut(name: string): string {
  return [...name].slice(0, nameMax).join("");
}
