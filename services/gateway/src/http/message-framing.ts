/**
 * Whether the framing of a request is beyond doubt. Two readers that disagree about where a body ends are what request
 * smuggling lives on, so everything two readers could read in two ways is refused (RFC 9112, 6.1 and 6.3): several
 * lengths, a length with a transfer encoding, and any transfer encoding but "chunked".
 * `fields` are the header fields in the order of arrival, names in lower case. Gives what is wrong, or undefined.
 */
export function framingFault(fields: readonly (readonly [name: string, value: string])[]): string | undefined {
  const valuesOf = (wanted: string) => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const lengths = valuesOf("content-length");
  const encodings = valuesOf("transfer-encoding");
  if (lengths.length > 1) {
    return "Content-Length is given more than once";
  }
  if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) {
    return "Content-Length is not a number of bytes";
  }
  if (encodings.length > 0 && lengths.length > 0) {
    return "Content-Length and Transfer-Encoding exclude each other";
  }
  if (encodings.length > 1 || (encodings[0] !== undefined && encodings[0].toLowerCase() !== "chunked")) {
    return "Transfer-Encoding can only be chunked";
  }
  if (valuesOf("host").length > 1) {
    return "Host is given more than once";
  }
  return undefined;
}
