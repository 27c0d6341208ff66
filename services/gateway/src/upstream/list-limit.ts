import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";

/*
 * How much a request may list, in all its lists together. The rules of the contracts bound each list on its own, but they
 * are evaluated item by item, on the one thread that everybody shares, and name every item at fault: a request of a
 * megabyte with a hundred thousand items would stop the gateway for seconds and be answered with many megabytes. So the
 * items are counted before any rule is looked at.
 */

/** Twice the largest request that the rules allow: an architecture of 500 components, 2000 links and 100 workloads. */
const maxItems = 5_200;

const withLists = new WeakMap<DescMessage, boolean>();

/** Whether a message of this type can hold a list or a map, however deep: most requests have none to count. */
function canHoldLists(desc: DescMessage): boolean {
  let found = withLists.get(desc);
  if (found === undefined) {
    found = reachesList(desc, new Set());
    withLists.set(desc, found);
  }
  return found;
}

/** `seen` holds the types on the way: one may contain itself. */
function reachesList(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(desc)) {
    return false;
  }
  seen.add(desc);
  return desc.fields.some(
    (field) =>
      field.fieldKind === "list" ||
      field.fieldKind === "map" ||
      (field.fieldKind === "message" && reachesList(field.message, seen)),
  );
}

/** Throws INVALID_ARGUMENT when the message has more items in its lists than any good request. */
export function assertFewItems(desc: DescMessage, message: Message): void {
  if (canHoldLists(desc) && countItems(reflect(desc, message), 0) > maxItems) {
    const description = `must not have more than ${maxItems} items in its lists`;
    throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", `the request ${description}`, {
      violations: [{ field: "", description }],
    });
  }
}

/**
 * The same for a message that has not been read: one of fewer bytes than items are allowed cannot have too many, and only a long one that may hold lists is
 * read for it. Throws INVALID_ARGUMENT, too, when that cannot be done.
 */
export function assertFewItemsIn(desc: DescMessage, { $unknown = [] }: Empty): void {
  const bytes = $unknown.reduce((sum, { data }) => sum + data.length, 0);
  if (bytes > maxItems && canHoldLists(desc)) {
    assertFewItems(desc, read(desc, $unknown));
  }
}

function read(desc: DescMessage, fields: NonNullable<Empty["$unknown"]>): Message {
  const bytes = toBinary(EmptySchema, { ...create(EmptySchema), $unknown: fields });
  try {
    return fromBinary(desc, bytes);
  } catch (cause) {
    throw new ConnectError("the message cannot be decoded", Code.InvalidArgument, undefined, undefined, cause);
  }
}

/** Stops counting beyond the limit. */
function countItems(message: ReflectMessage, before: number): number {
  let count = before;
  for (const field of message.fields) {
    if (count > maxItems || !message.isSet(field)) {
      continue;
    }
    if (field.fieldKind === "list") {
      const list = message.get(field);
      count += list.size;
      if (field.listKind === "message" && count <= maxItems) {
        for (const item of list) {
          count = isReflectMessage(item) ? countItems(item, count) : count;
        }
      }
    } else if (field.fieldKind === "map") {
      count += message.get(field).size;
    } else if (field.fieldKind === "message") {
      count = countItems(message.get(field), count);
    }
  }
  return count;
}
