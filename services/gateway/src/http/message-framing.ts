/**
 * Whether the framing of a request is beyond doubt. Two readers that disagree about where a body ends are what request
 * smuggling lives on, so everything two readers could read in two ways is refused (RFC 9112, 6.1 and 6.3): several
 * lengths, a length with a transfer encoding, and any transfer encoding but "chunked".
 * `fields` are the header fields in the order of arrival, names in lower case. Gives what is wrong, or undefined.
 */
export function framingFault(fields: readonly (readonly [name: string, value: string])[]): string | undefined {
  let length: string | undefined;
  let encoding: string | undefined;
  let lengths = 0;
  let encodings = 0;
  let hosts = 0;
  for (const [name, value] of fields) {
    if (name === "content-length") {
      length = value;
      lengths += 1;
    } else if (name === "transfer-encoding") {
      encoding = value;
      encodings += 1;
    } else if (name === "host") {
      hosts += 1;
    }
  }
  if (lengths > 1) {
    return "Content-Length is given more than once";
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    return "Content-Length is not a number of bytes";
  }
  if (encodings > 0 && lengths > 0) {
    return "Content-Length and Transfer-Encoding exclude each other";
  }
  if (encodings > 1 || (encoding !== undefined && encoding.toLowerCase() !== "chunked")) {
    return "Transfer-Encoding can only be chunked";
  }
  if (hosts > 1) {
    return "Host is given more than once";
  }
  return undefined;
}
