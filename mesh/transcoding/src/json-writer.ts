import { type DescEnum, type DescField, type DescMessage, type Message, ScalarType, toJson } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import type { Timestamp } from "@bufbuild/protobuf/wkt";

/*
 * The protobuf JSON of a message as text, with zero values and empty lists, as toJson and JSON.stringify together give it (and
 * in one case JSON.stringify orders: whole numbers as keys of a map). Those two make an object of the message first and
 * then look at each of its keys and values once more; here a message type becomes a list of functions that each know their
 * field's name as text, and whoever has to answer a thousand requests a second saves half of what its answers cost.
 *
 * A message type that is not plain is written by toJson as a whole: one with fields of types that have a JSON form of their
 * own and no message to hold them (wrappers, Struct), and the well-known types themselves but for Timestamp, which stands in
 * nearly every answer. Values of another type than their field's throw, as they do there.
 */

/** Throws for what has no JSON form: a time beyond the year 9999, a value of the wrong type. */
export type JsonWriter = (message: Message) => string;

type ValueWriter = (value: unknown) => string;
type Fields = Readonly<Record<string, unknown>>;

/** One field: its value as text, undefined where it is left out. */
interface FieldWriter {
  /** `"name":`, and the same behind another field. */
  readonly first: string;
  readonly next: string;
  readonly write: (message: Fields) => string | undefined;
}

/** FieldPresence of descriptors: of a field that is there when it is not zero, and of one that has to be there. */
const implicitPresence = 2;
const requiredPresence = 3;

const writers = new WeakMap<DescMessage, JsonWriter>();

/** The writer of a message type; the same one each time. */
export function jsonWriterFor(desc: DescMessage): JsonWriter {
  const known = writers.get(desc);
  if (known !== undefined) {
    return known;
  }
  // Known before its fields are looked at: a type may contain itself.
  let write: JsonWriter = () => "";
  writers.set(desc, (message) => write(message));
  write = writerOf(desc);
  writers.set(desc, write);
  return write;
}

function writerOf(desc: DescMessage): JsonWriter {
  if (desc.typeName === "google.protobuf.Timestamp") {
    return (message) => timestampText(message as Timestamp);
  }
  if (desc.typeName.startsWith("google.protobuf.") || !desc.fields.every(isPlain)) {
    return (message) => JSON.stringify(toJson(desc, message, { alwaysEmitImplicit: true }));
  }
  const fields = [...desc.fields].sort((one, other) => one.number - other.number).map(fieldWriter);
  return (message) => {
    if (message.$typeName !== desc.typeName) {
      throw new TypeError(`${message.$typeName} is no ${desc.typeName}`);
    }
    let text = "";
    for (const field of fields) {
      const value = field.write(message as unknown as Fields);
      if (value !== undefined) {
        text += (text === "" ? field.first : field.next) + value;
      }
    }
    return `{${text}}`;
  };
}

/** Types whose fields hold something else than their message. */
const unwrapped = /^google\.protobuf\.(?:Struct|[A-Z][A-Za-z0-9]*Value)$/;

function isPlain(field: DescField): boolean {
  return (
    field.presence !== requiredPresence && !(field.message !== undefined && unwrapped.test(field.message.typeName))
  );
}

function fieldWriter(field: DescField): FieldWriter {
  const name = `${JSON.stringify(field.jsonName)}:`;
  return { first: name, next: `,${name}`, write: presentValue(field) };
}

function presentValue(field: DescField): FieldWriter["write"] {
  const { localName, oneof } = field;
  const write = valueWriter(field);
  if (oneof !== undefined) {
    return (message) => {
      const chosen = message[oneof.localName] as { readonly case?: string; readonly value?: unknown };
      return chosen.case === localName ? write(chosen.value) : undefined;
    };
  }
  if (field.fieldKind === "list" || field.fieldKind === "map" || field.presence === implicitPresence) {
    return (message) => write(message[localName]);
  }
  // Defaults of some editions stand on the prototype.
  return (message) => {
    const value = message[localName];
    return value !== undefined && Object.hasOwn(message, localName) ? write(value) : undefined;
  };
}

function valueWriter(field: DescField): ValueWriter {
  switch (field.fieldKind) {
    case "scalar":
      return scalarWriter(field, field.scalar);
    case "enum":
      return enumWriter(field, field.enum);
    case "message":
      return jsonWriterFor(field.message) as ValueWriter;
    case "list":
      return listWriter(itemWriter(field, field.scalar, field.enum, field.message));
    case "map":
      return mapWriter(itemWriter(field, field.scalar, field.enum, field.message));
  }
}

function itemWriter(
  field: DescField,
  scalar: ScalarType | undefined,
  type: DescEnum | undefined,
  message: DescMessage | undefined,
): ValueWriter {
  if (message !== undefined) {
    return jsonWriterFor(message) as ValueWriter;
  }
  return type === undefined ? scalarWriter(field, scalar) : enumWriter(field, type);
}

function listWriter(write: ValueWriter): ValueWriter {
  return (value) => {
    const items = value as readonly unknown[];
    let text = "";
    for (let index = 0; index < items.length; index += 1) {
      text += index === 0 ? write(items[index]) : `,${write(items[index])}`;
    }
    return `[${text}]`;
  };
}

function mapWriter(write: ValueWriter): ValueWriter {
  return (value) => {
    const entries = value as Fields;
    let text = "";
    for (const key of Object.keys(entries)) {
      const entry = `${JSON.stringify(key)}:${write(entries[key])}`;
      text += text === "" ? entry : `,${entry}`;
    }
    return `{${text}}`;
  };
}

function enumWriter(field: DescField, desc: DescEnum): ValueWriter {
  if (desc.typeName === "google.protobuf.NullValue") {
    return () => "null";
  }
  const names = new Map(
    desc.values.map(({ number }) => [number, JSON.stringify(desc.value[number]?.jsonName ?? number)]),
  );
  return (value) => names.get(value as number) ?? finite(field, value);
}

function scalarWriter(field: DescField, scalar: ScalarType | undefined): ValueWriter {
  switch (scalar) {
    case ScalarType.STRING:
      return (value) => (typeof value === "string" ? JSON.stringify(value) : refuse(field, value));
    case ScalarType.BOOL:
      return (value) => (value === true ? "true" : value === false ? "false" : refuse(field, value));
    case ScalarType.BYTES:
      return (value) => (value instanceof Uint8Array ? `"${base64Encode(value)}"` : refuse(field, value));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => (typeof value === "number" && !Number.isFinite(value) ? `"${value}"` : finite(field, value));
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return (value) => finite(field, value);
    default:
      // 64 bits are text, as many readers of JSON have no more than 53.
      return (value) => (typeof value === "bigint" || typeof value === "string" ? `"${value}"` : refuse(field, value));
  }
}

function finite(field: DescField, value: unknown): string {
  return typeof value === "number" && Number.isFinite(value) ? String(value) : refuse(field, value);
}

function refuse(field: DescField, value: unknown): never {
  throw new TypeError(`${field} cannot be written as JSON: it holds a value of type ${typeof value}`);
}

const secondsPerDay = 86_400;
/** 0001-01-01 and 9999-12-31, as days since 1970 (timestamp.proto). */
const firstDay = -719_162;
const lastDay = 2_932_896;
const twoDigits = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));
/** Dates of days, with the T behind: times in answers are of a few days. */
const dates = new Map<number, string>();
const mostDates = 4_096;

function timestampText({ seconds, nanos }: Timestamp): string {
  const whole = Number(seconds);
  const day = Math.floor(whole / secondsPerDay);
  if (!(day >= firstDay && day <= lastDay) || !(nanos >= 0 && nanos < 1e9)) {
    throw new RangeError(
      `google.protobuf.Timestamp must be from 0001-01-01 to 9999-12-31, not ${seconds} s and ${nanos} ns`,
    );
  }
  const second = whole - day * secondsPerDay;
  const hours = twoDigits[Math.floor(second / 3600)] as string;
  const minutes = twoDigits[Math.floor(second / 60) % 60] as string;
  return `"${dateOf(day)}${hours}:${minutes}:${twoDigits[second % 60] as string}${fraction(nanos)}Z"`;
}

function dateOf(day: number): string {
  let date = dates.get(day);
  if (date === undefined) {
    if (dates.size >= mostDates) {
      dates.clear();
    }
    date = new Date(day * secondsPerDay * 1000).toISOString().slice(0, "0001-01-01T".length);
    dates.set(day, date);
  }
  return date;
}

/** In 3, 6 or 9 digits, as few as say it; none for none. */
function fraction(nanos: number): string {
  if (nanos === 0) {
    return "";
  }
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000000") ? digits.slice(0, 3) : digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}
