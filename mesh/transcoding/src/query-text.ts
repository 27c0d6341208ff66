/*
 * The text behind "?" as parameters, in order.
 *
 * As strict as the path: what URLSearchParams would replace by U+FFFD (broken percent-encoding, bytes that are not UTF-8)
 * is told apart, so that a value never arrives changed. "+" is a space, as forms write it; a name without "=" has the
 * value "".
 */

/** `value` is undefined where name or value cannot be decoded; the name is then as it was sent. */
export type QueryParameter = { readonly name: string; readonly value: string | undefined };

/** Splits and decodes a query, with or without its "?". Never throws. */
export function queryParameters(query: string): QueryParameter[] {
  const parameters: QueryParameter[] = [];
  for (const pair of (query.startsWith("?") ? query.slice(1) : query).split("&")) {
    if (pair === "") {
      continue;
    }
    const equals = pair.indexOf("=");
    const sent = equals < 0 ? pair : pair.slice(0, equals);
    const name = decode(sent);
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    parameters.push(name === undefined ? { name: sent, value: undefined } : { name, value });
  }
  return parameters;
}

function decode(text: string): string | undefined {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) {
    return spaced;
  }
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}
