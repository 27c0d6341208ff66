import type { ByteWriter } from "../codec/byte-writer.ts";
import type { Encodable, MessageCodec } from "../codec/message-codec.ts";
import { type TraceIds, traceContextBytes, writeTrace } from "../trace-context.ts";
import { laneMaxBatchFrames } from "./lane-limits.ts";
import { type MetadataEntries, type MetadataList, type MetadataNumbers, writeMetadata } from "./metadata.ts";
import { LaneFormatError, varintSize, type WireReader, writeVarint } from "./wire.ts";

/*
 * The frames of weft/lane/v1/lane.proto, written and read by hand: protobuf-es would make an object per frame and copy
 * every message twice. Field numbers stand here and in the .proto; a test compares both with protobuf-es.
 *
 * A frame and the message in it are both preceded by their lengths, which are known only afterwards. Room is left for a
 * length as wide as that method's last one, and what follows is moved when the guess was wrong.
 */

/** How wide the lengths of a method's last frame were. */
export interface FrameWidths {
  messageWidth: number;
  frameWidth: number;
}

const tags = {
  batchFrame: 0x0a,
  batchAnswer: 0x12,
  canceledCallId: 0x10,
  draining: 0x18,
  callId: 0x08,
  methodId: 0x10,
  method: 0x1a,
  timeoutMs: 0x20,
  traceContext: 0x2a,
  metadata: 0x32,
  callMessage: 0x3a,
  code: 0x10,
  answerMessage: 0x1a,
  errorMessage: 0x22,
  errorDetails: 0x2a,
  headers: 0x32,
  trailers: 0x3a,
  unprocessed: 0x40,
  parcelId: 0x49,
} as const;

/** More than the fields of fixed size in a frame can take. */
const fixedFieldBytes = 80;
const maxTimeoutMs = 0xffff_ffff;

/** Appends a call to a batch; returns the size of its message. */
export function writeCall(
  writer: ByteWriter,
  callId: number,
  methodId: number,
  methodName: string,
  timeoutMs: number,
  trace: TraceIds,
  metadata: MetadataList | undefined,
  numbers: MetadataNumbers,
  codec: MessageCodec,
  message: Encodable,
  widths: FrameWidths,
): number {
  writer.ensure(fixedFieldBytes + methodName.length * 3);
  const frameAt = writer.position;
  const { bytes } = writer;
  bytes[frameAt] = tags.batchFrame;
  let at = frameAt + 1 + widths.frameWidth;
  bytes[at] = tags.callId;
  at = writeVarint(bytes, at + 1, callId);
  bytes[at] = tags.methodId;
  at = writeVarint(bytes, at + 1, methodId);
  if (methodName !== "") {
    bytes[at] = tags.method;
    at = writeVarint(bytes, at + 1, methodName.length);
    at += bytes.write(methodName, at, "latin1");
  }
  if (timeoutMs > 0) {
    bytes[at] = tags.timeoutMs;
    at = writeVarint(bytes, at + 1, timeoutMs > maxTimeoutMs ? maxTimeoutMs : timeoutMs);
  }
  bytes[at] = tags.traceContext;
  bytes[at + 1] = traceContextBytes;
  writeTrace(bytes, at + 2, trace);
  writer.position = at + 2 + traceContextBytes;
  if (metadata !== undefined) {
    writeMetadata(writer, tags.metadata, metadata, numbers);
  }
  const size = writeMessage(writer, tags.callMessage, codec, message, widths);
  writeFrameLength(writer, frameAt, widths);
  return size;
}

/** Appends a cancellation to a batch. */
export function writeCancel(writer: ByteWriter, callId: number): void {
  writer.ensure(fixedFieldBytes);
  writer.bytes[writer.position] = tags.canceledCallId;
  writer.position = writeVarint(writer.bytes, writer.position + 1, callId);
}

/** Appends a successful answer; returns the size of its message. */
export function writeAnswer(
  writer: ByteWriter,
  callId: number,
  codec: MessageCodec,
  message: Encodable,
  headers: MetadataList | undefined,
  trailers: MetadataList | undefined,
  numbers: MetadataNumbers,
  widths: FrameWidths,
): number {
  writer.ensure(fixedFieldBytes);
  const frameAt = writer.position;
  const { bytes } = writer;
  bytes[frameAt] = tags.batchAnswer;
  const at = frameAt + 1 + widths.frameWidth;
  bytes[at] = tags.callId;
  writer.position = writeVarint(bytes, at + 1, callId);
  if (headers !== undefined) {
    writeMetadata(writer, tags.headers, headers, numbers);
  }
  if (trailers !== undefined) {
    writeMetadata(writer, tags.trailers, trailers, numbers);
  }
  const size = writeMessage(writer, tags.answerMessage, codec, message, widths);
  writeFrameLength(writer, frameAt, widths);
  return size;
}

/** What an answer without a message says. */
export interface OtherAnswer {
  readonly code: number;
  readonly errorMessage: string;
  readonly errorDetails: readonly { readonly type: string; readonly value: Uint8Array }[];
  readonly headers: MetadataList | undefined;
  readonly trailers: MetadataList | undefined;
  readonly unprocessed: boolean;
  /** 0n for none. */
  readonly parcelId: bigint;
}

/** Appends an answer that carries no message: an error, or the number of a parcel. */
export function writeOtherAnswer(
  writer: ByteWriter,
  callId: number,
  answer: OtherAnswer,
  numbers: MetadataNumbers,
): void {
  const details = answer.errorDetails.map((detail) => anyBytes(detail));
  const detailBytes = details.reduce((sum, detail) => sum + detail.length + 6, 0);
  const text = Buffer.from(answer.errorMessage);
  writer.ensure(fixedFieldBytes + text.length + detailBytes);
  const frameAt = writer.position;
  const { bytes } = writer;
  const widths: FrameWidths = { frameWidth: 2, messageWidth: 1 };
  bytes[frameAt] = tags.batchAnswer;
  let at = frameAt + 1 + widths.frameWidth;
  bytes[at] = tags.callId;
  at = writeVarint(bytes, at + 1, callId);
  bytes[at] = tags.code;
  at = writeVarint(bytes, at + 1, answer.code);
  bytes[at] = tags.errorMessage;
  at = writeVarint(bytes, at + 1, text.length);
  at += text.copy(bytes, at);
  for (const detail of details) {
    bytes[at] = tags.errorDetails;
    at = writeVarint(bytes, at + 1, detail.length);
    bytes.set(detail, at);
    at += detail.length;
  }
  if (answer.unprocessed) {
    bytes[at] = tags.unprocessed;
    bytes[at + 1] = 1;
    at += 2;
  }
  if (answer.parcelId !== 0n) {
    bytes[at] = tags.parcelId;
    at = bytes.writeBigUInt64LE(answer.parcelId, at + 1);
  }
  writer.position = at;
  for (const [tag, list] of [
    [tags.headers, answer.headers],
    [tags.trailers, answer.trailers],
  ] as const) {
    if (list !== undefined) {
      writeMetadata(writer, tag, list, numbers);
    }
  }
  writeFrameLength(writer, frameAt, widths);
}

/** Appends the settings that a server begins with. */
export function writeSettings(writer: ByteWriter, maxInFlight: number, maxMessageBytes: number): void {
  writer.ensure(fixedFieldBytes);
  const { bytes } = writer;
  const start = writer.position;
  bytes[start] = tags.batchFrame;
  bytes[start + 2] = 0x08;
  let at = writeVarint(bytes, start + 3, maxInFlight);
  bytes[at] = 0x10;
  at = writeVarint(bytes, at + 1, maxMessageBytes);
  bytes[start + 1] = at - start - 2;
  writer.position = at;
}

/** Appends the notice that the server drains. */
export function writeDraining(writer: ByteWriter): void {
  writer.ensure(fixedFieldBytes);
  writer.bytes[writer.position] = tags.draining;
  writer.bytes[writer.position + 1] = 1;
  writer.position += 2;
}

function writeMessage(
  writer: ByteWriter,
  tag: number,
  codec: MessageCodec,
  message: Encodable,
  widths: FrameWidths,
): number {
  writer.ensure(6);
  const at = writer.position;
  writer.bytes[at] = tag;
  const width = widths.messageWidth;
  writer.position = at + 1 + width;
  const size = codec.encode(message, writer);
  const needed = varintSize(size);
  if (needed !== width) {
    move(writer, at + 1 + width, needed - width);
    widths.messageWidth = needed;
  }
  writeVarint(writer.bytes, at + 1, size);
  return size;
}

function writeFrameLength(writer: ByteWriter, frameAt: number, widths: FrameWidths): void {
  const width = widths.frameWidth;
  const size = writer.position - frameAt - 1 - width;
  const needed = varintSize(size);
  if (needed !== width) {
    move(writer, frameAt + 1 + width, needed - width);
    widths.frameWidth = needed;
  }
  writeVarint(writer.bytes, frameAt + 1, size);
}

/** Moves what was written from a position on. */
function move(writer: ByteWriter, from: number, by: number): void {
  writer.ensure(8);
  writer.bytes.copyWithin(from + by, from, writer.position);
  writer.position += by;
}

/** google.protobuf.Any, whose type_url of gRPC is a type name behind this prefix. */
const typeUrlPrefix = "type.googleapis.com/";

function anyBytes({ type, value }: { readonly type: string; readonly value: Uint8Array }): Buffer {
  const url = Buffer.from(typeUrlPrefix + type);
  const bytes = Buffer.allocUnsafe(12 + url.length + value.length);
  bytes[0] = 0x0a;
  let at = writeVarint(bytes, 1, url.length);
  at += url.copy(bytes, at);
  bytes[at] = 0x12;
  at = writeVarint(bytes, at + 1, value.length);
  bytes.set(value, at);
  return bytes.subarray(0, at + value.length);
}

/** One call, as it was read. Reused: what lasts longer than the frame must be copied out. */
export class CallFrameReader {
  callId = 0;
  methodId = 0;
  methodName = "";
  timeoutMs = 0;
  /** Where the trace context lies; -1 without one. */
  traceAt = -1;
  metadata: string[] | undefined;
  messageStart = 0;
  messageEnd = 0;

  read(reader: WireReader, start: number, end: number, entries: MetadataEntries): void {
    this.callId = 0;
    this.methodId = 0;
    this.methodName = "";
    this.timeoutMs = 0;
    this.traceAt = -1;
    this.metadata = undefined;
    this.messageStart = start;
    this.messageEnd = start;
    const outerEnd = reader.end;
    reader.position = start;
    reader.end = end;
    while (reader.position < end) {
      const tag = reader.uint32();
      switch (tag) {
        case tags.callId:
          this.callId = reader.uint32();
          break;
        case tags.methodId:
          this.methodId = reader.uint32();
          break;
        case tags.method:
          this.methodName = reader.text();
          break;
        case tags.timeoutMs:
          this.timeoutMs = reader.uint32();
          break;
        case tags.traceContext: {
          const length = reader.length();
          this.traceAt = length === traceContextBytes ? reader.position : -1;
          reader.position += length;
          break;
        }
        case tags.metadata:
          this.metadata ??= [];
          readNested(reader, entries, this.metadata);
          break;
        case tags.callMessage: {
          const length = reader.length();
          this.messageStart = reader.position;
          reader.position += length;
          this.messageEnd = reader.position;
          break;
        }
        default:
          reader.skip(tag & 7);
      }
    }
    reader.end = outerEnd;
  }
}

/** One answer, as it was read. Reused like CallFrameReader. */
export class AnswerFrameReader {
  callId = 0;
  code = 0;
  messageStart = 0;
  messageEnd = 0;
  errorMessage = "";
  errorDetails: { type: string; value: Uint8Array }[] | undefined;
  headers: string[] | undefined;
  trailers: string[] | undefined;
  unprocessed = false;
  parcelId = 0n;

  read(reader: WireReader, start: number, end: number, entries: MetadataEntries): void {
    this.callId = 0;
    this.code = 0;
    this.messageStart = start;
    this.messageEnd = start;
    this.errorMessage = "";
    this.errorDetails = undefined;
    this.headers = undefined;
    this.trailers = undefined;
    this.unprocessed = false;
    this.parcelId = 0n;
    const outerEnd = reader.end;
    reader.position = start;
    reader.end = end;
    while (reader.position < end) {
      const tag = reader.uint32();
      switch (tag) {
        case tags.callId:
          this.callId = reader.uint32();
          break;
        case tags.answerMessage: {
          const length = reader.length();
          this.messageStart = reader.position;
          reader.position += length;
          this.messageEnd = reader.position;
          break;
        }
        case tags.code:
          this.code = reader.uint32();
          break;
        case tags.errorMessage:
          this.errorMessage = reader.text();
          break;
        case tags.errorDetails:
          this.errorDetails ??= [];
          this.errorDetails.push(readAny(reader));
          break;
        case tags.headers:
          this.headers ??= [];
          readNested(reader, entries, this.headers);
          break;
        case tags.trailers:
          this.trailers ??= [];
          readNested(reader, entries, this.trailers);
          break;
        case tags.unprocessed:
          this.unprocessed = reader.uint32() !== 0;
          break;
        case tags.parcelId:
          if (reader.end - reader.position < 8) {
            throw new LaneFormatError("a field is cut off");
          }
          this.parcelId = reader.bytes.readBigUInt64LE(reader.position);
          reader.position += 8;
          break;
        default:
          reader.skip(tag & 7);
      }
    }
    reader.end = outerEnd;
  }
}

function readNested(reader: WireReader, entries: MetadataEntries, list: string[]): void {
  const length = reader.length();
  const outerEnd = reader.end;
  reader.end = reader.position + length;
  entries.read(reader, list);
  reader.end = outerEnd;
}

function readAny(reader: WireReader): { type: string; value: Uint8Array } {
  const length = reader.length();
  const outerEnd = reader.end;
  reader.end = reader.position + length;
  let url = "";
  let value: Uint8Array = new Uint8Array();
  while (reader.position < reader.end) {
    const tag = reader.uint32();
    if (tag === 0x0a) {
      url = reader.text();
    } else if (tag === 0x12) {
      const size = reader.length();
      value = Uint8Array.prototype.slice.call(reader.bytes, reader.position, reader.position + size);
      reader.position += size;
    } else {
      reader.skip(tag & 7);
    }
  }
  reader.end = outerEnd;
  return { type: url.slice(url.lastIndexOf("/") + 1), value };
}

/** What the batches of a caller hold. */
export interface RequestHandler {
  onCall(start: number, end: number): void;
  /** All of a batch, after its calls. */
  onCanceled(callIds: readonly number[]): void;
}

/** Goes through one OpenRequest: hands over calls as they come, then the cancellations. */
export function readRequestBatch(reader: WireReader, handler: RequestHandler): void {
  let canceled: number[] | undefined;
  let calls = 0;
  const { end } = reader;
  while (reader.position < end) {
    const tag = reader.uint32();
    if (tag === tags.batchFrame) {
      const length = reader.length();
      const start = reader.position;
      calls += 1;
      if (calls > laneMaxBatchFrames) {
        throw new LaneFormatError(`a batch holds more than ${laneMaxBatchFrames} calls`);
      }
      handler.onCall(start, start + length);
      reader.position = start + length;
    } else if (tag === tags.canceledCallId) {
      canceled ??= [];
      pushCanceled(canceled, reader.uint32());
    } else if (tag === 0x12) {
      // The same field, packed: what generated code writes.
      const packedEnd = reader.length() + reader.position;
      canceled ??= [];
      while (reader.position < packedEnd) {
        pushCanceled(canceled, reader.uint32());
      }
      if (reader.position !== packedEnd) {
        throw new LaneFormatError("packed numbers exceed their length");
      }
    } else {
      reader.skip(tag & 7);
    }
  }
  if (canceled !== undefined) {
    handler.onCanceled(canceled);
  }
}

function pushCanceled(canceled: number[], callId: number): void {
  if (canceled.length === laneMaxBatchFrames) {
    throw new LaneFormatError(`a batch holds more than ${laneMaxBatchFrames} cancellations`);
  }
  canceled.push(callId);
}

/** What the batches of a server hold. */
export interface ResponseHandler {
  onSettings(maxInFlight: number, maxMessageBytes: number): void;
  onAnswer(start: number, end: number): void;
  onDraining(): void;
}

/** Goes through one OpenResponse. */
export function readResponseBatch(reader: WireReader, handler: ResponseHandler): void {
  const { end } = reader;
  while (reader.position < end) {
    const tag = reader.uint32();
    if (tag === tags.batchAnswer) {
      const length = reader.length();
      const start = reader.position;
      handler.onAnswer(start, start + length);
      reader.position = start + length;
    } else if (tag === tags.batchFrame) {
      readSettings(reader, handler);
    } else if (tag === tags.draining) {
      if (reader.uint32() !== 0) {
        handler.onDraining();
      }
    } else {
      reader.skip(tag & 7);
    }
  }
}

function readSettings(reader: WireReader, handler: ResponseHandler): void {
  const outerEnd = reader.end;
  reader.end = reader.length() + reader.position;
  let maxInFlight = 0;
  let maxMessageBytes = 0;
  while (reader.position < reader.end) {
    const tag = reader.uint32();
    if (tag === 0x08) {
      maxInFlight = reader.uint32();
    } else if (tag === 0x10) {
      maxMessageBytes = reader.uint32();
    } else {
      reader.skip(tag & 7);
    }
  }
  reader.end = outerEnd;
  handler.onSettings(maxInFlight, maxMessageBytes);
}
