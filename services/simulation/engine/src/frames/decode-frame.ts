import type { Frame, FrameComponent, FrameTotal } from "../frame.ts";
import type { FrameStamp } from "./encode-frame.ts";
import { FrameFormatError } from "./frame-format-error.ts";
import {
  columns,
  frameStatuses,
  headerBytes,
  leastColumns,
  leastHeaderBytes,
  magic,
  offsets,
  textLengthBytes,
  version,
} from "./layout.ts";

/** A frame and what was said beside it. Figures of components and rates have the precision of Float32;
 * what its writer was too old to know is NaN. */
export interface DecodedFrame extends Required<FrameStamp> {
  readonly frame: Frame;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const columnBytes = Float32Array.BYTES_PER_ELEMENT;

/** Whether the bytes claim to be a frame, of whatever version. */
export function looksLikeFrame(bytes: Uint8Array): boolean {
  return bytes.byteLength >= 4 && viewOf(bytes).getUint32(0, true) === magic;
}

/** Reads a frame in the published layout, version 1. Throws FrameFormatError, and nothing else, whatever the bytes are. */
export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  const view = viewOf(bytes);
  assertHeader(bytes, view);
  const header = view.getUint16(offsets.headerBytes, true);
  const count = view.getUint16(offsets.components, true);
  const textsAt = header + view.getUint16(offsets.columns, true) * count * columnBytes;
  const textBytes = view.getUint32(offsets.textBytes, true);
  if (textsAt + textBytes !== bytes.byteLength) {
    const fault = textsAt + textBytes > bytes.byteLength ? "truncated" : "malformed";
    throw new FrameFormatError(fault, `a frame of ${textsAt + textBytes} bytes has ${bytes.byteLength}`);
  }
  const [simulationId = "", bottleneck = "", ...ids] = readTexts(bytes, view, textsAt, count + 2);
  const status = frameStatuses[view.getUint8(offsets.status)];
  const sequence = view.getFloat64(offsets.sequence, true);
  if (status === undefined) {
    throw new FrameFormatError("malformed", `status ${view.getUint8(offsets.status)} is not one of version 1`);
  }
  if (!Number.isSafeInteger(sequence) || sequence < 0) {
    throw new FrameFormatError("malformed", `sequence ${sequence} is not a whole number from 0`);
  }
  return {
    simulationId,
    status,
    composedAtMs: view.getFloat64(offsets.composedAtMs, true),
    skipped: view.getUint32(offsets.skipped, true),
    frame: {
      sequence,
      simulatedMs: view.getFloat64(offsets.simulatedMs, true),
      durationMs: view.getFloat64(offsets.durationMs, true),
      speed: view.getFloat64(offsets.speed, true),
      load: view.getFloat64(offsets.load, true),
      total: readTotal(view, header),
      components: ids.map((id, index) => readComponent(view, header, count, index, id)),
      bottleneck,
    },
  };
}

function assertHeader(bytes: Uint8Array, view: DataView): void {
  if (!looksLikeFrame(bytes)) {
    throw new FrameFormatError("not-a-frame", 'a frame begins with "WEFT"');
  }
  if (bytes.byteLength < leastHeaderBytes) {
    const least = `a frame has at least ${leastHeaderBytes} bytes`;
    throw new FrameFormatError("truncated", `${least}, this one ${bytes.byteLength}`);
  }
  if (view.getUint8(offsets.version) !== version) {
    throw new FrameFormatError("unknown-version", `version ${view.getUint8(offsets.version)} is not ${version}`);
  }
  if (view.getUint16(offsets.headerBytes, true) < leastHeaderBytes) {
    throw new FrameFormatError("malformed", `the header is shorter than ${leastHeaderBytes} bytes`);
  }
  if (view.getUint16(offsets.columns, true) < leastColumns) {
    throw new FrameFormatError("malformed", `there are fewer than ${leastColumns} columns`);
  }
}

/** Exactly `count` texts have to fill the bytes from `at` to the end. */
function readTexts(bytes: Uint8Array, view: DataView, start: number, count: number): string[] {
  const texts: string[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const from = at + textLengthBytes;
    const to = from <= bytes.byteLength ? from + view.getUint16(at, true) : from;
    if (to > bytes.byteLength) {
      throw new FrameFormatError("malformed", `name ${index} goes beyond the end`);
    }
    texts.push(readText(bytes.subarray(from, to), index));
    at = to;
  }
  if (at !== bytes.byteLength) {
    throw new FrameFormatError("malformed", `${bytes.byteLength - at} bytes follow the last name`);
  }
  return texts;
}

function readText(bytes: Uint8Array, index: number): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) throw new FrameFormatError("malformed", `name ${index} is not UTF-8`);
    throw cause;
  }
}

function readTotal(view: DataView, header: number): FrameTotal {
  const hasGoodput = header >= headerBytes;
  return {
    requestsPerSecond: view.getFloat32(offsets.requestsPerSecond, true),
    failuresPerSecond: view.getFloat32(offsets.failuresPerSecond, true),
    goodputPerSecond: hasGoodput ? view.getFloat32(offsets.goodputPerSecond, true) : Number.NaN,
    goodputRatio: hasGoodput ? view.getFloat32(offsets.goodputRatio, true) : Number.NaN,
    p50Ms: view.getFloat32(offsets.p50Ms, true),
    p95Ms: view.getFloat32(offsets.p95Ms, true),
    p99Ms: view.getFloat32(offsets.p99Ms, true),
    inFlight: view.getFloat64(offsets.inFlight, true),
    completed: view.getFloat64(offsets.completed, true),
    failed: view.getFloat64(offsets.failed, true),
  };
}

function readComponent(view: DataView, header: number, count: number, index: number, id: string): FrameComponent {
  const written = view.getUint16(offsets.columns, true);
  const read = (name: (typeof columns)[number]): number => {
    const column = columns.indexOf(name);
    return column < written ? view.getFloat32(header + (column * count + index) * columnBytes, true) : Number.NaN;
  };
  return {
    id,
    requestsPerSecond: read("requestsPerSecond"),
    failuresPerSecond: read("failuresPerSecond"),
    utilization: read("utilization"),
    queueLength: read("queueLength"),
    inFlight: read("inFlight"),
    p50Ms: read("p50Ms"),
    p95Ms: read("p95Ms"),
    p99Ms: read("p99Ms"),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
