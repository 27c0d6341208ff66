import type { ByteWriter } from "../codec/byte-writer.ts";
import { LaneFormatError, varintSize, type WireReader, writeVarint } from "./wire.ts";

/*
 * Headers inside frames: names and values, one after the other in a flat list. What repeats from call to call (a token, a
 * tenant) is said once and then by number; each side of a lane has one table per direction, of fixed size, so that values
 * that never repeat cost no memory.
 */

/** Names and values in turn: [name, value, name, value, …]. */
export type MetadataList = readonly string[];

/** Entries that one direction of a lane remembers. */
const tableSize = 64;
/** Longer names and values are not remembered: the table must not hold megabytes. */
const maxRememberedLength = 8192;

/** The sender's half: which entry has which number. */
export class MetadataNumbers {
  /** By name, then by value: joined, the two would be written and hashed anew for each call. */
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #names: (string | undefined)[] = new Array(tableSize + 1).fill(undefined);
  readonly #values: string[] = new Array(tableSize + 1).fill("");
  #next = 1;

  /** The number of an entry that the other side knows, or minus the number that it gets now, or 0 for none. */
  numberOf(name: string, value: string): number {
    if (value.length > maxRememberedLength || name.length > maxRememberedLength) {
      return 0;
    }
    const known = this.#numbers.get(name)?.get(value);
    if (known !== undefined) {
      return known;
    }
    const number = this.#next;
    this.#next = number === tableSize ? 1 : number + 1;
    this.#forgetNumber(number);
    this.#names[number] = name;
    this.#values[number] = value;
    const ofName = this.#numbers.get(name) ?? new Map<string, number>();
    this.#numbers.set(name, ofName);
    ofName.set(value, number);
    return -number;
  }

  /** A frame that was written is not going to be sent: nothing of it may be taken for known. */
  forget(): void {
    this.#numbers.clear();
    this.#names.fill(undefined);
    this.#values.fill("");
  }

  /** Names that nobody uses any more leave nothing behind. */
  #forgetNumber(number: number): void {
    const name = this.#names[number];
    const ofName = name === undefined ? undefined : this.#numbers.get(name);
    if (name !== undefined && ofName !== undefined) {
      ofName.delete(this.#values[number] as string);
      if (ofName.size === 0) {
        this.#numbers.delete(name);
      }
    }
  }
}

/** The receiver's half. */
export class MetadataEntries {
  readonly #names: (string | undefined)[] = new Array(tableSize + 1).fill(undefined);
  readonly #values: string[] = new Array(tableSize + 1).fill("");

  /** Reads one Metadata message, up to the reader's end, onto the list. */
  read(reader: WireReader, list: string[]): void {
    let entry = 0;
    let name = "";
    let value = "";
    while (reader.position < reader.end) {
      const tag = reader.uint32();
      if (tag === 0x08) {
        entry = reader.uint32();
      } else if (tag === 0x12) {
        name = reader.text();
      } else if (tag === 0x1a) {
        value = reader.text();
      } else {
        reader.skip(tag & 7);
      }
    }
    if (entry > tableSize) {
      throw new LaneFormatError(`metadata entry ${entry} exceeds ${tableSize}`);
    }
    if (name === "") {
      const known = this.#names[entry];
      if (known === undefined) {
        throw new LaneFormatError("metadata without a name, or of a number that was never given");
      }
      list.push(known, this.#values[entry] as string);
      return;
    }
    if (entry > 0 && value.length <= maxRememberedLength && name.length <= maxRememberedLength) {
      this.#names[entry] = name;
      this.#values[entry] = value;
    }
    list.push(name, value);
  }
}

/** Values that are different in every call: remembering them would only push out others. */
const neverRepeated: ReadonlySet<string> = new Set(["x-correlation-id", "x-request-id", "traceparent", "grpc-message"]);

/** Writes one Metadata field per entry of the list. `numbers` undefined says each in full. */
export function writeMetadata(
  writer: ByteWriter,
  tag: number,
  list: MetadataList,
  numbers: MetadataNumbers | undefined,
): void {
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = list[index] as string;
    const value = list[index + 1] as string;
    const number = numbers === undefined || neverRepeated.has(name) ? 0 : numbers.numberOf(name, value);
    if (number > 0) {
      writer.ensure(4);
      let at = writer.position;
      writer.bytes[at] = tag;
      writer.bytes[at + 1] = 2;
      writer.bytes[at + 2] = 0x08;
      at = writeVarint(writer.bytes, at + 3, number);
      writer.position = at;
    } else {
      writeEntry(writer, tag, -number, name, value);
    }
  }
}

function writeEntry(writer: ByteWriter, tag: number, number: number, name: string, value: string): void {
  const nameBytes = Buffer.byteLength(name);
  const valueBytes = Buffer.byteLength(value);
  const size = (number === 0 ? 0 : 2) + 1 + varintSize(nameBytes) + nameBytes + 1 + varintSize(valueBytes) + valueBytes;
  writer.ensure(size + 6);
  const { bytes } = writer;
  let at = writer.position;
  bytes[at] = tag;
  at = writeVarint(bytes, at + 1, size);
  if (number !== 0) {
    bytes[at] = 0x08;
    bytes[at + 1] = number;
    at += 2;
  }
  bytes[at] = 0x12;
  at = writeVarint(bytes, at + 1, nameBytes);
  at += bytes.write(name, at, "utf8");
  bytes[at] = 0x1a;
  at = writeVarint(bytes, at + 1, valueBytes);
  at += bytes.write(value, at, "utf8");
  writer.position = at;
}

/** A list as Headers. Values that no header may hold are left out: the peer's mistake must not fail the call. */
export function headersFrom(list: MetadataList | undefined): Headers {
  const headers = new Headers();
  for (let index = 0; list !== undefined && index + 1 < list.length; index += 2) {
    try {
      headers.append(list[index] as string, list[index + 1] as string);
    } catch {
      // An invalid name or value.
    }
  }
  return headers;
}

/** Headers as a list; undefined when there are none. */
export function listFrom(headers: Headers): string[] | undefined {
  let list: string[] | undefined;
  for (const [name, value] of headers) {
    list ??= [];
    list.push(name, value);
  }
  return list;
}
