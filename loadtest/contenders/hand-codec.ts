/*
 * The codec of ValidateToken by hand: the two messages as protobuf lays them out, and nothing else. It is what grpc-js and
 * the bare framing are given, so that neither pays for a general codec: the comparison is then of transports, and ours
 * carries its general codec against it.
 *
 * Short strings are read and written byte by byte, since a crossing into C++ costs more than a dozen bytes do; a byte
 * above 0x7f falls back to the general way, so that any text is carried right.
 */
import type { ServedAnswer } from "../workload.ts";

/** What `toString` and `write` of a Buffer end in, without the look at the name of the encoding. */
const raw = Buffer.prototype as Buffer & {
  utf8Slice(start: number, end: number): string;
  utf8Write(text: string, at: number): number;
};

const shortString = 24;
const fieldToken = 0x0a;
const fieldValid = 0x08;
const fieldPrincipal = 0x12;
const fieldUserId = 0x0a;
const fieldUsername = 0x12;
const fieldSessionId = 0x1a;

/** Room that any request of this token may need: three bytes per UTF-16 unit, a tag and a length. */
export function requestBound(token: string): number {
  return token.length * 3 + 8;
}

export function answerBound({ principal }: ServedAnswer): number {
  return (principal.userId.length + principal.username.length + principal.sessionId.length) * 3 + 32;
}

/** Writes at `at` and gives the end. */
export function writeRequest(bytes: Buffer, at: number, token: string): number {
  bytes[at] = fieldToken;
  return writeString(bytes, at + 1, token);
}

export function writeAnswer(bytes: Buffer, at: number, answer: ServedAnswer): number {
  const { principal } = answer;
  bytes[at] = fieldValid;
  bytes[at + 1] = answer.valid ? 1 : 0;
  bytes[at + 2] = fieldPrincipal;
  // The length is known when the strings are written; below 128 it is one byte, and longer answers move by one.
  let end = at + 4;
  bytes[end] = fieldUserId;
  end = writeString(bytes, end + 1, principal.userId);
  bytes[end] = fieldUsername;
  end = writeString(bytes, end + 1, principal.username);
  bytes[end] = fieldSessionId;
  end = writeString(bytes, end + 1, principal.sessionId);
  const length = end - at - 4;
  const lengthBytes = varintSize(length);
  if (lengthBytes > 1) {
    bytes.copyWithin(at + 3 + lengthBytes, at + 4, end);
  }
  writeVarint(bytes, at + 3, length);
  return at + 3 + lengthBytes + length;
}

/*
 * The reading position: a variable of the module rather than an object per message, as nothing here is asynchronous.
 */
let position = 0;

/** The token of a request between two offsets. */
export function readRequest(bytes: Buffer, start: number, end: number): string {
  let token = "";
  position = start;
  while (position < end) {
    const tag = readVarint(bytes);
    if (tag === fieldToken) {
      token = readString(bytes);
    } else {
      skip(bytes, tag);
    }
  }
  return token;
}

export function readAnswer(bytes: Buffer, start: number, end: number): ServedAnswer {
  let valid = false;
  let principal = { userId: "", username: "", sessionId: "" };
  position = start;
  while (position < end) {
    const tag = readVarint(bytes);
    if (tag === fieldValid) {
      valid = readVarint(bytes) !== 0;
    } else if (tag === fieldPrincipal) {
      principal = readPrincipal(bytes);
    } else {
      skip(bytes, tag);
    }
  }
  return { valid, principal };
}

function readPrincipal(bytes: Buffer): ServedAnswer["principal"] {
  const length = readVarint(bytes);
  const end = position + length;
  let userId = "";
  let username = "";
  let sessionId = "";
  while (position < end) {
    const tag = readVarint(bytes);
    if (tag === fieldUserId) {
      userId = readString(bytes);
    } else if (tag === fieldUsername) {
      username = readString(bytes);
    } else if (tag === fieldSessionId) {
      sessionId = readString(bytes);
    } else {
      skip(bytes, tag);
    }
  }
  return { userId, username, sessionId };
}

function readVarint(bytes: Buffer): number {
  let value = bytes[position] as number;
  position += 1;
  if (value < 0x80) {
    return value;
  }
  value &= 0x7f;
  for (let shift = 7; shift < 70; shift += 7) {
    const byte = bytes[position] as number;
    position += 1;
    if (shift < 32) {
      value |= (byte & 0x7f) << shift;
    }
    if (byte < 0x80) {
      break;
    }
  }
  return value >>> 0;
}

function skip(bytes: Buffer, tag: number): void {
  const wireType = tag & 7;
  if (wireType === 0) {
    readVarint(bytes);
  } else if (wireType === 2) {
    const length = readVarint(bytes);
    position += length;
  } else {
    position += wireType === 1 ? 8 : 4;
  }
}

function readString(bytes: Buffer): string {
  const length = readVarint(bytes);
  const start = position;
  position = start + length;
  if (length > shortString) {
    return raw.utf8Slice.call(bytes, start, position);
  }
  let text = "";
  for (let at = start; at < position; at += 1) {
    const byte = bytes[at] as number;
    if (byte > 0x7f) {
      return raw.utf8Slice.call(bytes, start, position);
    }
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A length and the text. */
function writeString(bytes: Buffer, at: number, text: string): number {
  if (text.length <= shortString) {
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        return writeLongString(bytes, at, text);
      }
      bytes[at + 1 + index] = unit;
    }
    bytes[at] = text.length;
    return at + 1 + text.length;
  }
  return writeLongString(bytes, at, text);
}

function writeLongString(bytes: Buffer, at: number, text: string): number {
  // Written where it lands if it is all ASCII, which tells its length beforehand.
  const guess = varintSize(text.length);
  const written = raw.utf8Write.call(bytes, text, at + guess);
  const lengthBytes = varintSize(written);
  if (lengthBytes !== guess) {
    bytes.copyWithin(at + lengthBytes, at + guess, at + guess + written);
  }
  return writeVarint(bytes, at, written) + written;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at] = (value & 0x7f) | 0x80;
    value >>>= 7;
    at += 1;
  }
  bytes[at] = value;
  return at + 1;
}

/** A message of its own, for transports that take one buffer per message. */
export function encodeRequest(token: string): Buffer {
  const bytes = Buffer.allocUnsafe(requestBound(token));
  return bytes.subarray(0, writeRequest(bytes, 0, token));
}

export function encodeAnswer(answer: ServedAnswer): Buffer {
  const bytes = Buffer.allocUnsafe(answerBound(answer));
  return bytes.subarray(0, writeAnswer(bytes, 0, answer));
}
