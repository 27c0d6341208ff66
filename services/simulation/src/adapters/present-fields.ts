/**
 * What a message says, as a plain object: neither the name of its type, nor fields that are absent, nor empty lists, which
 * the wire cannot tell from absent ones. Lists and numbers are those of the message; messages in it become plain too.
 */
export function presentFields(message: object): { [field: string]: unknown } {
  const fields: { [field: string]: unknown } = {};
  for (const [name, value] of Object.entries(message)) {
    if (name.startsWith("$") || value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    fields[name] = isMessage(value) ? presentFields(value) : value;
  }
  return fields;
}

function isMessage(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
