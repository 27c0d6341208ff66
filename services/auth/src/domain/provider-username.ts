import type { ProviderProfile } from "./provider-ports.ts";

const most = 32;
const least = 3;

/**
 * A username out of what a provider says of a person: the name they go by there, else what stands before the @ of their
 * address. Marks are taken off letters ("Zoë" is "Zoe"), and what a username cannot have becomes a hyphen.
 */
export function usernameFrom({
  preferredUsername,
  email,
}: Pick<ProviderProfile, "preferredUsername" | "email">): string {
  const [local = ""] = (preferredUsername || email).split("@");
  const plain = local
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/-+$/, "")
    .slice(0, most);
  return plain.length < least ? `user-${plain}`.replace(/-$/, "") : plain;
}

/** The same name with an end to tell it from one that is taken. */
export function usernameWith(suffix: string, username: string): string {
  return `${username.slice(0, most - suffix.length - 1)}-${suffix}`;
}
