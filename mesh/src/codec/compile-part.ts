import type { DescMessage } from "@bufbuild/protobuf";
import { isCompilable } from "./compilable.ts";
import { decoderSource } from "./decoder-source.ts";
import { encoderSource } from "./encoder-source.ts";
import { type MessagePart, maxDepth, unusual } from "./message-codec.ts";
import * as readValues from "./read-values.ts";
import { shortTextSource } from "./short-text.ts";
import { readUnknown, writeUnknown } from "./unknown-fields.ts";
import * as writeValues from "./write-values.ts";

/** What generated code may name. It sees nothing else but the globals. */
const names: Record<string, unknown> = {
  ...readValues,
  ...writeValues,
  readUnknown,
  writeUnknown,
  maxDepth,
  unusual,
  noBytes: new Uint8Array(0),
};

/** Undefined where code may not be made from text. */
const readShortText = compile(shortTextSource, names);

/**
 * Makes the encoder and the decoder of a message type by writing their source and compiling it, as protobufjs does:
 * code that knows its fields is several times faster than a loop over a table of fields. Returns undefined when the type
 * is not for generated code, or when this process may not make code from text (`node
 * --disallow-code-generation-from-strings`, a content security policy).
 *
 * `partOf` gives the parts of nested message types; they may still be incomplete, since types may contain each other.
 */
export function compilePart(desc: DescMessage, partOf: (message: DescMessage) => MessagePart): MessagePart | undefined {
  if (readShortText === undefined || !isCompilable(desc)) {
    return undefined;
  }
  const parts = new Map<MessagePart, string>();
  const nameOf = (message: DescMessage): string => {
    const part = partOf(message);
    const name = parts.get(part) ?? `c${parts.size}`;
    parts.set(part, name);
    return name;
  };
  const source = `{ read: ${decoderSource(desc, nameOf)}, write: ${encoderSource(desc, nameOf)} }`;
  const scope: Record<string, unknown> = { ...names, readShortText };
  for (const [part, name] of parts) {
    scope[name] = part;
  }
  return compile(source, scope) as MessagePart | undefined;
}

/** The value of an expression that sees `scope`, or undefined where code may not be made from text. */
function compile(expression: string, scope: Record<string, unknown>): unknown {
  try {
    return new Function(...Object.keys(scope), `"use strict"; return (${expression});`)(...Object.values(scope));
  } catch (error) {
    if (error instanceof EvalError) {
      return undefined;
    }
    throw error;
  }
}
