import type { DescMessage, Message } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { Code } from "@connectrpc/connect";
import { serviceError } from "../service-error.ts";

/*
 * Refuses text that no service can keep or look up: PostgreSQL takes no NUL character and no half of a surrogate pair.
 * Deeper down such a text is an error of the database, which looks like a fault of the service. Here it is what it is, a
 * bad request.
 */

/** Throws INVALID_ARGUMENT, naming the first field at fault as the client writes it. */
export function assertStorableText(desc: DescMessage, message: Message): void {
  const field = unstorableField(reflect(desc, message), "");
  if (field !== undefined) {
    const description = "must not have NUL characters or halves of surrogate pairs";
    throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", `${field}: ${description}`, {
      violations: [{ field, description }],
    });
  }
}

function unstorableField(message: ReflectMessage, prefix: string): string | undefined {
  for (const field of message.fields) {
    if (!message.isSet(field)) {
      continue;
    }
    const path = `${prefix}${field.jsonName}`;
    let found: string | undefined;
    switch (field.fieldKind) {
      case "scalar":
      case "message":
        found = unstorable(message.get(field), path);
        break;
      case "list":
        found = first([...message.get(field)].map((item, at) => [`${path}[${at}]`, item] as const));
        break;
      case "map":
        // A key that cannot be kept is named by its field: it could not be written in a path either.
        found = first(
          [...message.get(field)].flatMap(([key, value]) => [[path, key] as const, [path, value] as const]),
        );
        break;
    }
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function first(values: readonly (readonly [path: string, value: unknown])[]): string | undefined {
  for (const [path, value] of values) {
    const found = unstorable(value, path);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function unstorable(value: unknown, path: string): string | undefined {
  if (typeof value === "string") {
    return value.includes("\0") || !value.isWellFormed() ? path : undefined;
  }
  return isReflectMessage(value) ? unstorableField(value, `${path}.`) : undefined;
}
