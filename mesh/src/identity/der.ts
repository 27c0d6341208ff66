import { isIP } from "node:net";

/*
 * As much of ASN.1's distinguished encoding (ITU-T X.690) as a certificate is made of: tag, length, content. Pure.
 */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element; lengths above 127 are written in as many bytes as they need. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) {
    return Buffer.concat([Buffer.from([tag, length]), content]);
  }
  const hex = length.toString(16);
  const size = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, content]);
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => element(tags.sequence, ...contents);
export const set = (...contents: readonly Uint8Array[]): Buffer => element(tags.set, ...contents);
export const octetString = (content: Uint8Array): Buffer => element(tags.octetString, content);
export const utf8String = (text: string): Buffer => element(tags.utf8String, Buffer.from(text, "utf8"));
export const derTrue: Buffer = element(tags.boolean, Buffer.from([0xff]));

/** A non-negative integer from its bytes, the most significant one first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first));
  const negative = ((significant[0] ?? 0) & 0x80) !== 0;
  return element(tags.integer, negative ? Buffer.concat([Buffer.from([0]), significant]) : significant);
}

/** A string of bits, of which the last `unusedBits` do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(tags.bitString, Buffer.from([unusedBits]), bytes);
}

/** "1.2.840.10045.4.3.2": the first two numbers share a byte, the others take seven bits a byte. */
export function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const number of rest) {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) {
      groups.unshift(0x80 | (left & 0x7f));
    }
    bytes.push(...groups);
  }
  return element(tags.objectIdentifier, Buffer.from(bytes));
}

/** An instant in whole seconds; from 2050 on in the form with four digits of the year (RFC 5280, 4.1.2.5). */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/\.\d+|[-:T]/g, "");
  const [tag, text] =
    Number(digits.slice(0, 4)) < 2050 ? [tags.utcTime, digits.slice(2)] : [tags.generalizedTime, digits];
  return element(tag, Buffer.from(text, "latin1"));
}

/** The elements inside of an element. Throws RangeError when the bytes end before the last of them does. */
export function childrenOf(der: Uint8Array): Buffer[] {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const outer = extentOf(bytes, 0);
  const children: Buffer[] = [];
  for (let at = outer.contentAt; at < outer.end; ) {
    const child = extentOf(bytes, at);
    children.push(bytes.subarray(at, child.end));
    at = child.end;
  }
  return children;
}

function extentOf(bytes: Buffer, at: number): { readonly contentAt: number; readonly end: number } {
  const first = bytes.readUInt8(at + 1);
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = sizeBytes === 0 ? first : bytes.readUIntBE(at + 2, sizeBytes);
  const contentAt = at + 2 + sizeBytes;
  if (contentAt + length > bytes.length) {
    throw new RangeError("the element is longer than what holds it");
  }
  return { contentAt, end: contentAt + length };
}

/** The 4 or 16 bytes of an IP address; undefined for any other text. */
export function addressBytes(text: string): Buffer | undefined {
  const version = isIP(text);
  if (version === 4) {
    return Buffer.from(text.split(".").map(Number));
  }
  if (version === 0 || text.includes("%")) {
    return undefined;
  }
  // The last four bytes may be written as an IPv4 address.
  const plain = text.replace(/[\d.]+\.[\d.]+$/, (tail) =>
    (addressBytes(tail) ?? Buffer.alloc(4)).toString("hex").replace(/(.{4})(.{4})/, "$1:$2"),
  );
  const [head = "", tail] = plain.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const left = groups(head);
  const right = groups(tail ?? "");
  const gap = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return Buffer.from([...left, ...gap, ...right].map((group) => group.padStart(4, "0")).join(""), "hex");
}
