import type { RefusedField } from "./errors.ts";

/** Counted in characters a person sees as one code point; no class of character is demanded and nothing is cut off. */
const passwordLength = { least: 8, most: 256 } as const;

/**
 * The form in which a password is hashed: NFKC, so that keyboards which compose accents differently agree (NIST SP
 * 800-63B).
 */
export function normalizePassword(password: string): string {
  return password.normalize("NFKC");
}

/** What is wrong with a new password, or undefined. It must not be the name or the address of its own account. */
export function refusePassword(password: string, own: { username: string; email: string }): RefusedField | undefined {
  const length = [...normalizePassword(password)].length;
  if (length < passwordLength.least || length > passwordLength.most) {
    return {
      field: "password",
      description: `must have ${passwordLength.least} to ${passwordLength.most} characters`,
    };
  }
  const lowered = password.toLowerCase();
  if (lowered === own.username.toLowerCase() || lowered === own.email.toLowerCase()) {
    return { field: "password", description: "must not be the username or the e-mail address" };
  }
  return undefined;
}
