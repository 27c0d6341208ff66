import type { DescMessage, Message } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";

/*
 * How much a request may list, in all its lists together. The rules of the contracts bound each list on its own, but they
 * are evaluated item by item, on the one thread that everybody shares, and name every item at fault: a request of a
 * megabyte with a hundred thousand items would stop the gateway for seconds and be answered with many megabytes. So the
 * items are counted before any rule is looked at.
 */

/** Twice the largest request that the rules allow: an architecture of 500 components, 2000 links and 100 workloads. */
const maxItems = 5_200;

/** Throws INVALID_ARGUMENT when the message has more items in its lists than any good request. */
export function assertFewItems(desc: DescMessage, message: Message): void {
  if (countItems(reflect(desc, message), 0) > maxItems) {
    const description = `must not have more than ${maxItems} items in its lists`;
    throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", `the request ${description}`, {
      violations: [{ field: "", description }],
    });
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
