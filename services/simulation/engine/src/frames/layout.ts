/*
 * The published layout of a frame in bytes, version 1; `README.md` beside this file is the same as a table for readers of
 * other languages, and a test compares the two.
 *
 * A frame stands alone: it names its components, so a reader may begin anywhere and lose any number of frames. Figures of
 * components are columns of Float32, as a chart takes them; whatever is counted, compared or added up over time is
 * Float64. Everything is little-endian, as are the machines that read it. Both lengths that may grow are in the header: a
 * later writer of version 1 may append header fields and columns, and today's reader steps over them.
 */

/** The bytes "WEFT". No JSON begins with them, so that both forms can share a channel. */
export const magic = 0x54_46_45_57;
export const version = 1;

/** As `status` counts them. */
export const frameStatuses = ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "STOPPED", "FAILED"] as const;
export type FrameStatus = (typeof frameStatuses)[number];

/** Where each field of the header begins. */
export const offsets = {
  magic: 0,
  version: 4,
  status: 5,
  headerBytes: 6,
  sequence: 8,
  composedAtMs: 16,
  simulatedMs: 24,
  durationMs: 32,
  speed: 40,
  load: 48,
  completed: 56,
  failed: 64,
  inFlight: 72,
  requestsPerSecond: 80,
  failuresPerSecond: 84,
  p50Ms: 88,
  p95Ms: 92,
  p99Ms: 96,
  skipped: 100,
  components: 104,
  columns: 106,
  textBytes: 108,
  goodputPerSecond: 112,
  goodputRatio: 116,
} as const;

/** A multiple of 8: the columns behind it can be read in place. */
export const headerBytes = 120;
/** What every writer of version 1 has written; the rest came later, and is unknown where an older writer says less. */
export const leastHeaderBytes = 112;

/** The columns, in their order; each holds one Float32 per component. */
export const columns = [
  "requestsPerSecond",
  "failuresPerSecond",
  "utilization",
  "queueLength",
  "inFlight",
  "p50Ms",
  "p99Ms",
  "p95Ms",
] as const;
export const leastColumns = 7;

/** In front of the bytes of each text. */
export const textLengthBytes = 2;
export const mostComponents = 0xff_ff;
export const longestTextBytes = 0xff_ff;
