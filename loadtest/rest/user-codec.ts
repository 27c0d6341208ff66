import type { ServedUser } from "./user.ts";

/*
 * The codec of UserService.GetUser by hand, which is the most favourable way for grpc-js: its usual codec, made from a
 * .proto at run time, only adds to its cost. All texts of this workload are ASCII and short, and lengths stay below 128
 * where they are written as one byte; what does not fit is refused.
 */

const textFields = ["id", "username", "email", "firstName", "lastName"] as const;
const fieldUser = 0x0a;
const fieldUserId = 0x0a;
const mostBytes = 512;

export function encodeGetUserRequest(userId: string): Buffer {
  const bytes = Buffer.allocUnsafe(userId.length + 2);
  writeText(bytes, 0, fieldUserId, userId);
  return bytes;
}

export function decodeGetUserRequest(bytes: Buffer): string {
  if (bytes[0] !== fieldUserId || bytes.length !== (bytes[1] as number) + 2) {
    throw new Error("this is no GetUserRequest");
  }
  return bytes.toString("latin1", 2);
}

export function encodeGetUserResponse(user: ServedUser): Buffer {
  const bytes = Buffer.allocUnsafe(mostBytes);
  // The user is below 128 bytes or from 128 on, which decides where it begins; this one's length takes two.
  let at = 3;
  for (const [index, name] of textFields.entries()) {
    at = writeText(bytes, at, ((index + 1) << 3) | 2, user[name]);
  }
  at = writeTimestamp(bytes, at, (6 << 3) | 2, user.createdAtMs);
  at = writeTimestamp(bytes, at, (7 << 3) | 2, user.updatedAtMs);
  bytes[0] = fieldUser;
  const length = at - 3;
  bytes[1] = (length & 0x7f) | 0x80;
  bytes[2] = length >> 7;
  return bytes.subarray(0, at);
}

export function decodeGetUserResponse(bytes: Buffer): ServedUser {
  position = 0;
  if (varint(bytes) !== fieldUser) {
    throw new Error("this is no GetUserResponse");
  }
  const end = varint(bytes) + position;
  const user = { id: "", username: "", email: "", firstName: "", lastName: "", createdAtMs: 0, updatedAtMs: 0 };
  while (position < end) {
    const field = varint(bytes) >> 3;
    const length = varint(bytes);
    const name = textFields[field - 1];
    if (name !== undefined) {
      user[name] = bytes.toString("latin1", position, position + length);
      position += length;
    } else if (field === 6) {
      user.createdAtMs = timestamp(bytes, length);
    } else {
      user.updatedAtMs = timestamp(bytes, length);
    }
  }
  return user;
}

/** The reading position: of the module rather than an object per message, as nothing here is asynchronous. */
let position = 0;

function varint(bytes: Buffer): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[position] as number;
    position += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      return value;
    }
  }
}

function timestamp(bytes: Buffer, length: number): number {
  const end = position + length;
  let ms = 0;
  while (position < end) {
    const tag = varint(bytes);
    const value = varint(bytes);
    ms += tag === 0x08 ? value * 1000 : value / 1e6;
  }
  return ms;
}

function writeText(bytes: Buffer, at: number, tag: number, text: string): number {
  if (text.length > 127) {
    throw new Error(`a text of ${text.length} characters is longer than the 127 that this codec writes`);
  }
  bytes[at] = tag;
  bytes[at + 1] = text.length;
  return at + 2 + bytes.write(text, at + 2, "latin1");
}

function writeTimestamp(bytes: Buffer, at: number, tag: number, ms: number): number {
  bytes[at] = tag;
  bytes[at + 2] = 0x08;
  let end = writeVarint(bytes, at + 3, Math.floor(ms / 1000));
  bytes[end] = 0x10;
  end = writeVarint(bytes, end + 1, (ms % 1000) * 1e6);
  bytes[at + 1] = end - at - 2;
  return end;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value;
  while (rest > 0x7f) {
    bytes[end] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
    end += 1;
  }
  bytes[end] = rest;
  return end + 1;
}
