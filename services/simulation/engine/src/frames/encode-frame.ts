import type { Frame } from "../frame.ts";
import {
  columns,
  type FrameStatus,
  frameStatuses,
  headerBytes,
  longestTextBytes,
  magic,
  mostComponents,
  offsets,
  textLengthBytes,
  version,
} from "./layout.ts";

/** What a frame says beside the engine's figures. */
export interface FrameStamp {
  readonly simulationId: string;
  readonly status: FrameStatus;
  /** When the figures were put together: wall clock, milliseconds since 1970 with fractions; 0 when nobody knows. */
  readonly composedAtMs: number;
  /** Frames before this one that were left out for a reader who was too slow; 0 when absent. */
  readonly skipped?: number;
}

const encoder = new TextEncoder();

/**
 * A frame in the published layout. Throws RangeError for more than 65535 components or a name of more than 65535 bytes,
 * which no model has.
 */
export function encodeFrame(frame: Frame, stamp: FrameStamp): Uint8Array<ArrayBuffer> {
  const { components } = frame;
  if (components.length > mostComponents) {
    throw new RangeError(`a frame has ${components.length} components; at most ${mostComponents} fit`);
  }
  const texts = [stamp.simulationId, frame.bottleneck, ...components.map(({ id }) => id)].map(textBytesOf);
  const textBytes = texts.reduce((sum, text) => sum + textLengthBytes + text.byteLength, 0);
  const columnBytes = columns.length * components.length * Float32Array.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(headerBytes + columnBytes + textBytes);
  const view = new DataView(bytes.buffer);
  writeHeader(view, frame, stamp);
  view.setUint32(offsets.textBytes, textBytes, true);
  let at = headerBytes;
  for (const column of columns) {
    for (const component of components) {
      view.setFloat32(at, component[column], true);
      at += Float32Array.BYTES_PER_ELEMENT;
    }
  }
  for (const text of texts) {
    view.setUint16(at, text.byteLength, true);
    bytes.set(text, at + textLengthBytes);
    at += textLengthBytes + text.byteLength;
  }
  return bytes;
}

/**
 * The same frame with another number, status or count of skipped frames: what those change who pass a frame on. The bytes
 * given stay as they are, since others may be sending them at this moment.
 */
export function restampFrame(
  encoded: Uint8Array,
  change: { readonly sequence?: number; readonly status?: FrameStatus; readonly skipped?: number },
): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(encoded);
  const view = new DataView(bytes.buffer);
  if (change.sequence !== undefined) view.setFloat64(offsets.sequence, change.sequence, true);
  if (change.status !== undefined) view.setUint8(offsets.status, frameStatuses.indexOf(change.status));
  if (change.skipped !== undefined) view.setUint32(offsets.skipped, change.skipped, true);
  return bytes;
}

function writeHeader(view: DataView, frame: Frame, stamp: FrameStamp): void {
  const { total } = frame;
  view.setUint32(offsets.magic, magic, true);
  view.setUint8(offsets.version, version);
  view.setUint8(offsets.status, frameStatuses.indexOf(stamp.status));
  view.setUint16(offsets.headerBytes, headerBytes, true);
  view.setFloat64(offsets.sequence, frame.sequence, true);
  view.setFloat64(offsets.composedAtMs, stamp.composedAtMs, true);
  view.setFloat64(offsets.simulatedMs, frame.simulatedMs, true);
  view.setFloat64(offsets.durationMs, frame.durationMs, true);
  view.setFloat64(offsets.speed, frame.speed, true);
  view.setFloat64(offsets.load, frame.load, true);
  view.setFloat64(offsets.completed, total.completed, true);
  view.setFloat64(offsets.failed, total.failed, true);
  view.setFloat64(offsets.inFlight, total.inFlight, true);
  view.setFloat32(offsets.requestsPerSecond, total.requestsPerSecond, true);
  view.setFloat32(offsets.failuresPerSecond, total.failuresPerSecond, true);
  view.setFloat32(offsets.p50Ms, total.p50Ms, true);
  view.setFloat32(offsets.p95Ms, total.p95Ms, true);
  view.setFloat32(offsets.p99Ms, total.p99Ms, true);
  view.setFloat32(offsets.goodputPerSecond, total.goodputPerSecond, true);
  view.setFloat32(offsets.goodputRatio, total.goodputRatio, true);
  view.setUint32(offsets.skipped, stamp.skipped ?? 0, true);
  view.setUint16(offsets.components, frame.components.length, true);
  view.setUint16(offsets.columns, columns.length, true);
}

function textBytesOf(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (bytes.byteLength > longestTextBytes) {
    throw new RangeError(`a name has ${bytes.byteLength} bytes; at most ${longestTextBytes} fit in a frame`);
  }
  return bytes;
}
