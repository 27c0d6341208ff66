import { ProjectError, type RefusedField } from "./errors.ts";

/*
 * Which texts can be kept: PostgreSQL takes neither the NUL character nor half of a surrogate pair, which JSON and YAML
 * can both spell. Refused here with the field's name, they never become an error of the database.
 */

/** The first text anywhere in the value that cannot be kept, by its path; undefined when all can. */
export function unstorableText(value: unknown, path: string): RefusedField | undefined {
  if (typeof value === "string") {
    return isStorable(value)
      ? undefined
      : { field: path, description: "must not have NUL characters or halves of surrogate pairs" };
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  for (const [key, part] of Object.entries(value)) {
    const within = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    const found = unstorableText(part, within);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** Throws "invalid", naming the field, unless every text in the fields can be kept. */
export function assertStorable(fields: object): void {
  const found = unstorableText(fields, "");
  if (found !== undefined) {
    throw new ProjectError("invalid", `${found.field}: ${found.description}`, { fields: [found] });
  }
}

export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}
