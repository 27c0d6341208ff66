/**
 * Which passwords may be chosen (NIST SP 800-63B, ASVS 6.2): long enough, not the ones that attackers try first, and not
 * made of the names that stand beside it. No class of character is demanded and nothing is cut off. Length is counted in
 * code points, which is as near to what a person sees as one can get without tables.
 */
import { AuthError, type RefusedField } from "./errors.ts";
import type { BreachedPasswords } from "./ports.ts";

const passwordLength = { least: 8, most: 256 } as const;

/** What belongs to this product and would be guessed here first (ASVS 6.2.11). */
const contextWords = ["weft"];

/** The form in which a password is hashed: NFKC, so that keyboards which compose accents differently agree. */
export function normalizePassword(password: string): string {
  return password.normalize("NFKC");
}

/** What is wrong with a new password, or undefined; `field` is what the caller named it. */
export function refusePassword(
  password: string,
  own: { readonly username: string; readonly email: string },
  breached: BreachedPasswords,
  field = "password",
): RefusedField | undefined {
  const length = [...normalizePassword(password)].length;
  if (length < passwordLength.least || length > passwordLength.most) {
    return { field, description: `must have ${passwordLength.least} to ${passwordLength.most} characters` };
  }
  if (isAddress(password, own.email) || isAdorned(password, own)) {
    return { field, description: "must not be made of the username, the e-mail address or the product's name" };
  }
  if (breached.has(password)) {
    return { field, description: "is among the passwords that attackers try first; choose another" };
  }
  return undefined;
}

/** Throws "field_invalid" for a refusal. */
export function assertPassword(refusal: RefusedField | undefined): void {
  if (refusal !== undefined) {
    throw new AuthError("field_invalid", `${refusal.field} ${refusal.description}`, { fields: [refusal] });
  }
}

function isAddress(password: string, email: string): boolean {
  const inside = lettersAndDigits(password);
  return inside !== "" && inside === lettersAndDigits(email);
}

/** Whether all its letters are one of those words: what people add to a name to make a password of it. */
function isAdorned(password: string, { username, email }: { username: string; email: string }): boolean {
  const inside = letters(password);
  const words = [...contextWords, username, email.split("@")[0] ?? ""].map(letters);
  return words.some((word) => word.length >= 3 && (inside === word || inside === word + word));
}

function letters(text: string): string {
  return normalizePassword(text).toLowerCase().replaceAll(/\P{L}/gu, "");
}

function lettersAndDigits(text: string): string {
  return normalizePassword(text)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
}
