/*
 * What a client has published, on its way between gateways. The user is named by the gateway that took the message from them,
 * and nothing that a client writes can stand in that place.
 */

export interface ClientPublication {
  readonly from: string;
  readonly key: string | undefined;
  /** The message, as JSON text. */
  readonly json: string;
  /** Names what it replaces: an older message of the same user and key. */
  readonly slot: string;
}

/** `json` is JSON text. */
export function writeClientPublication(from: string, key: string | undefined, json: string): string {
  const author = JSON.stringify(key === undefined ? { from } : { from, key });
  return `${author.slice(0, -1)},"data":${json}}`;
}

/** Undefined for what is none. */
export function readClientPublication(payload: Buffer | string): ClientPublication | undefined {
  let value: { readonly from?: unknown; readonly key?: unknown; readonly data?: unknown } | null;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  const { from, key, data } = value ?? {};
  if (typeof from !== "string" || (key !== undefined && typeof key !== "string") || data === undefined) {
    return undefined;
  }
  // No user has a space in their id, and no key has one.
  return { from, key, json: JSON.stringify(data), slot: `${from} ${key ?? ""}` };
}
