import type { UnknownField } from "@bufbuild/protobuf";
import type { ByteWriter } from "./byte-writer.ts";
import { unusual } from "./message-codec.ts";
import { cursor, readBytes, readVarint } from "./read-values.ts";
import { copyInto, maxVarintBytes, writeVarint } from "./write-values.ts";

/**
 * Fields that the schema does not have are kept and written again, so that a message may pass through a process that is
 * older than its sender. During a deploy every message may have one: they are read here, not left to protobuf-es. Only
 * groups are.
 */
export function readUnknown(
  bytes: Uint8Array,
  start: number,
  end: number,
  tag: number,
  before: UnknownField[] | undefined,
): UnknownField[] {
  const wireType = tag & 7;
  let at = start;
  switch (wireType) {
    case 0:
      readVarint(bytes, start, end);
      at = cursor.position;
      break;
    case 1:
      at += 8;
      break;
    case 2: {
      const length = readVarint(bytes, start, end) >>> 0;
      at = cursor.position + length;
      break;
    }
    case 5:
      at += 4;
      break;
    default:
      throw unusual;
  }
  if (at > end) {
    throw unusual;
  }
  cursor.position = at;
  const field = { no: tag >>> 3, wireType, data: readBytes(bytes, start, at) };
  if (before === undefined) {
    return [field];
  }
  before.push(field);
  return before;
}

/** Puts the fields at `position` and returns the position behind them. */
export function writeUnknown(writer: ByteWriter, position: number, fields: UnknownField[]): number {
  let at = position;
  for (let i = 0; i < fields.length; i++) {
    const { no, wireType, data } = fields[i] as UnknownField;
    if (!(data instanceof Uint8Array)) {
      throw unusual;
    }
    const bytes = writer.grow(at, maxVarintBytes + data.length);
    at = copyInto(bytes, writeVarint(bytes, at, ((no << 3) | wireType) >>> 0), data);
  }
  return at;
}
