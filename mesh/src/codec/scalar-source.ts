import { ScalarType } from "@bufbuild/protobuf";

/**
 * The source code for one value of each scalar type: the one table that the encoder and the decoder are generated from.
 *
 * `check` is a condition on `v` that must hold for the fast path; `write` puts `v` at `b[p]` and moves `p`; `read` is an
 * expression over `x` (after a varint), or over `b` and `p` (fixed sizes). `bytes` is the most that a number takes, and
 * with a fixed size what it takes; of a text it is the most that its length takes.
 */
export interface ScalarSource {
  readonly wireType: 0 | 1 | 2 | 5;
  readonly bytes: number;
  readonly zero: string;
  readonly check?: string;
  readonly write: string;
  readonly read: string;
  /** For varints of 64 bits: the function that reads them. */
  readonly readWide?: string;
}

const int32 = { bytes: 10, zero: "0", check: "v === (v | 0)" };
const uint32 = { bytes: 5, zero: "0", check: "v === v >>> 0" };
const int64 = { wireType: 0, bytes: 10, zero: "0n", check: 'typeof v === "bigint"', read: "x" } as const;
const fixed64 = { wireType: 1, bytes: 8, zero: "0n", check: 'typeof v === "bigint"' } as const;

const sources: Record<ScalarType, ScalarSource> = {
  [ScalarType.DOUBLE]: {
    wireType: 1,
    bytes: 8,
    zero: "0",
    write: "p = writeDouble(b, p, v);",
    read: "readDouble(b, p)",
  },
  [ScalarType.FLOAT]: { wireType: 5, bytes: 4, zero: "0", write: "p = writeFloat(b, p, v);", read: "readFloat(b, p)" },
  [ScalarType.INT64]: { ...int64, write: "p = writeInt64(b, p, v);", readWide: "readInt64" },
  [ScalarType.UINT64]: { ...int64, write: "p = writeUint64(b, p, v);", readWide: "readUint64" },
  [ScalarType.SINT64]: { ...int64, write: "p = writeSint64(b, p, v);", readWide: "readSint64" },
  [ScalarType.FIXED64]: { ...fixed64, write: "p = writeFixed64(b, p, v);", read: "readFixed64(b, p)" },
  [ScalarType.SFIXED64]: { ...fixed64, write: "p = writeSfixed64(b, p, v);", read: "readSfixed64(b, p)" },
  [ScalarType.INT32]: { ...int32, wireType: 0, write: oneByteOr("writeInt32", "v >= 0 && "), read: "x" },
  [ScalarType.SINT32]: {
    ...int32,
    wireType: 0,
    write: "p = writeVarint(b, p, ((v << 1) ^ (v >> 31)) >>> 0);",
    read: "(x >>> 1) ^ -(x & 1)",
  },
  [ScalarType.SFIXED32]: {
    ...int32,
    wireType: 5,
    bytes: 4,
    write: "p = writeFixed32(b, p, v);",
    read: "readFixed32(b, p)",
  },
  [ScalarType.UINT32]: { ...uint32, wireType: 0, write: oneByteOr("writeVarint", ""), read: "x >>> 0" },
  [ScalarType.FIXED32]: {
    ...uint32,
    wireType: 5,
    bytes: 4,
    write: "p = writeFixed32(b, p, v);",
    read: "readFixed32(b, p) >>> 0",
  },
  [ScalarType.BOOL]: {
    wireType: 0,
    bytes: 1,
    zero: "false",
    check: 'typeof v === "boolean"',
    write: "b[p++] = v ? 1 : 0;",
    read: "x !== 0",
  },
  [ScalarType.STRING]: {
    wireType: 2,
    bytes: 5,
    zero: '""',
    check: 'typeof v === "string"',
    write: "p = writeString(b, p, v);",
    read: "readShortText(b, p, e)",
  },
  [ScalarType.BYTES]: {
    wireType: 2,
    bytes: 5,
    zero: "noBytes",
    check: "v instanceof Uint8Array",
    write: "p = writeBytes(b, p, v);",
    read: "readBytes(b, p, e)",
  },
};

export function scalarSource(type: ScalarType): ScalarSource {
  return sources[type];
}

/** Most numbers are small: those are stored without a call. */
function oneByteOr(write: string, condition: string): string {
  return `if (${condition}v < 128) b[p++] = v; else p = ${write}(b, p, v);`;
}
