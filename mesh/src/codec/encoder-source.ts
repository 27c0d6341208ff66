import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { isUnwrapped } from "./compilable.ts";
import { scalarSource } from "./scalar-source.ts";

/**
 * Writes the source of a function `(m, w, p) => p`, which puts the fields of message `m` at position `p` of writer `w`.
 *
 * Fields are written in the order of their numbers, as protobuf-es does, so that the bytes are the same. Room is asked
 * for once for everything of a known size (`room`: all numbers, tags and lengths of the type); whatever has a size of
 * its own (texts, bytes, items of lists, nested messages) asks for its size and for `room` behind it again.
 *
 * The length of a nested message stands before it and is known after it. Going through the message twice, to count
 * first, would mean to count UTF-8. So one byte is reserved, and the message is moved when its length takes more, from
 * 128 bytes on. Remembering per field how many bytes the last length took saves 8 % where all are long (measured on
 * lists of 200-byte items) and costs as much where they alternate: not worth its state.
 *
 * A field that is not there is not written, so that what a message can be made of (handlers return such objects) need not
 * be made into one first.
 *
 * In the source: b the writer's bytes, v a value, o a oneof, a a list or map, s where a length goes.
 */
export function encoderSource(desc: DescMessage, partOf: (message: DescMessage) => string): string {
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const room = fields.reduce((sum, field) => sum + roomFor(field), 0);
  const context = { room, partOf };
  const body = fields.map((field) => writeField(field, context));
  const name = JSON.stringify(desc.typeName);
  const check = fields.length === 0 ? "" : `if (m.$typeName !== ${name} && m.$typeName !== undefined) throw unusual;`;
  return `
(m, w, p) => {
  ${check}
  let b = w.bytes, v, o, a;
  ${ensure(String(room))}
  ${body.join("\n  ")}
  v = m.$unknown;
  return v === undefined ? p : writeUnknown(w, p, v);
}`;
}

interface Context {
  readonly room: number;
  readonly partOf: (message: DescMessage) => string;
}

/** The most that a tag, or a length, takes. */
const headBytes = 5;

function roomFor(field: DescField): number {
  const valueBytes = field.message === undefined ? scalarSource(field.scalar ?? ScalarType.INT32).bytes : headBytes;
  if (field.fieldKind === "map") {
    return 4 * headBytes + scalarSource(field.mapKey).bytes + valueBytes;
  }
  return headBytes + Math.max(headBytes, valueBytes);
}

function writeField(field: DescField, context: Context): string {
  if (field.fieldKind === "map") {
    return writeMap(field, context);
  }
  if (field.fieldKind === "list") {
    return writeList(field, context);
  }
  const value = writeSingular(field, context);
  if (field.oneof !== undefined) {
    return `o = m.${field.oneof.localName}; if (o !== undefined && o.case === ${JSON.stringify(field.localName)}) { v = o.value; ${value} }`;
  }
  return `v = m.${field.localName}; if (${isSet(field)}) { ${value} }`;
}

function isSet(field: DescField & { fieldKind: "scalar" | "enum" | "message" }): string {
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT) {
    return "v !== undefined";
  }
  switch (field.scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // Minus zero is written.
      return "v !== undefined && (v !== 0 || 1 / v < 0)";
    case ScalarType.BYTES:
      return "v !== undefined && (!(v instanceof Uint8Array) || v.length > 0)";
    case undefined:
      return "v !== undefined && v !== 0";
    default:
      return `v !== undefined && ${isText(field) ? "v != 0" : `v !== ${scalarSource(field.scalar).zero}`}`;
  }
}

function writeSingular(field: DescField & { fieldKind: "scalar" | "enum" | "message" }, context: Context): string {
  if (field.message === undefined) {
    return bigFromText(field) + writeScalar(field.number, field.scalar ?? ScalarType.INT32, context);
  }
  const value = isUnwrapped(field) ? `{ $typeName: ${JSON.stringify(field.message.typeName)}, value: v }` : "v";
  return writeMessage(field.number, field.message, value, context);
}

/** With the option `jstype = JS_STRING` a number of 64 bits is a string in the message. */
function isText(field: DescField): boolean {
  return "longAsString" in field && field.longAsString;
}

function bigFromText(field: DescField): string {
  return isText(field) ? "v = BigInt(v); " : "";
}

function writeList(field: DescField & { fieldKind: "list" }, context: Context): string {
  const open = `a = m.${field.localName};`;
  if (field.message !== undefined) {
    const item = writeMessage(field.number, field.message, "a[i]", context);
    return `${open} if (a !== undefined) for (let i = 0; i < a.length; i++) { ${item} }`;
  }
  const type = field.scalar ?? ScalarType.INT32;
  const source = scalarSource(type);
  const next = `v = a[i]; ${bigFromText(field)}`;
  if (!field.packed) {
    const room = source.wireType === 2 ? "" : ensure(String(context.room));
    return `${open} if (a !== undefined) for (let i = 0; i < a.length; i++) { ${next} ${room} ${writeScalar(field.number, type, context)} }`;
  }
  return `${open} if (a !== undefined && a.length !== 0) {
      ${ensure(`${context.room} + a.length * ${source.bytes}`)}
      ${delimited(field.number, `for (let i = 0; i < a.length; i++) { ${next} ${checkOf(type)} ${source.write} }`)}
    }`;
}

function writeMap(field: DescField & { fieldKind: "map" }, context: Context): string {
  const value =
    field.message === undefined
      ? `v = a[k]; ${writeScalar(2, field.scalar ?? ScalarType.INT32, context)}`
      : writeMessage(2, field.message, "a[k]", context);
  const entry = `v = ${mapKey(field.mapKey)}; ${writeScalar(1, field.mapKey, context)} ${value}`;
  return `a = m.${field.localName}; if (a !== undefined) for (const k of Object.keys(a)) {
      ${ensure(String(context.room))}
      ${delimited(field.number, entry, "entry")}
    }`;
}

/** The value of a key, which is a string in the object. What cannot be converted is refused by the check that follows. */
function mapKey(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING:
      return "k";
    case ScalarType.BOOL:
      return 'k === "true" ? true : k === "false" ? false : k';
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "BigInt(k)";
    default:
      return "Number.parseInt(k)";
  }
}

/** Writes `v` with its tag. There is room, except for the bytes of a text. */
function writeScalar(fieldNumber: number, type: ScalarType, context: Context): string {
  const { wireType, write } = scalarSource(type);
  const head = `${checkOf(type)} ${roomForValue(type, context)} ${tagSource(fieldNumber, wireType)}`;
  return `${head} ${write}`;
}

function roomForValue(type: ScalarType, { room }: Context): string {
  switch (type) {
    case ScalarType.STRING:
      return `if (p + v.length * 3 + ${room} > b.length) b = w.growForText(p, ${room}, v);`;
    case ScalarType.BYTES:
      return ensure(`v.length + ${room}`);
    default:
      return "";
  }
}

function writeMessage(fieldNumber: number, message: DescMessage, value: string, context: Context): string {
  const write = `p = ${context.partOf(message)}.write(${value}, w, p); b = w.bytes; ${ensure(String(context.room))}`;
  return delimited(fieldNumber, write);
}

/** Tag, length, and what `content` writes. `start` names a variable: another one for each that stands in another. */
function delimited(fieldNumber: number, content: string, start = "s"): string {
  const close = `if (p - ${start} < 129) b[${start}] = p - ${start} - 1; else p = closeLength(b, ${start}, p);`;
  return `${tagSource(fieldNumber, 2)} const ${start} = p++; ${content} ${close}`;
}

function ensure(count: string): string {
  return `if (p + ${count} > b.length) b = w.grow(p, ${count});`;
}

function checkOf(type: ScalarType): string {
  const { check } = scalarSource(type);
  return check === undefined ? "" : `if (!(${check})) throw unusual;`;
}

/** Stores a tag, whose bytes are known when the source is written. */
function tagSource(fieldNumber: number, wireType: number): string {
  const stores: string[] = [];
  let rest = ((fieldNumber << 3) | wireType) >>> 0;
  while (rest > 127) {
    stores.push(`b[p++] = ${(rest & 127) | 128};`);
    rest >>>= 7;
  }
  stores.push(`b[p++] = ${rest};`);
  return stores.join(" ");
}
