import type { DescMessage, Message } from "@bufbuild/protobuf";
import { codePoints, isStorable, isUnique, utf8Bytes } from "./generated-calls.ts";
import { MessageSource } from "./message-source.ts";
import { RulesError } from "./value-conditions.ts";

/**
 * Answers true for a message that is surely valid: protovalidate would find nothing, and its text can be stored. False
 * means to ask them.
 *
 * protovalidate walks a message through reflection and a tree of objects, which costs more than the rest of a call. Nearly
 * every message is valid and nearly every rule is a length, a range, a list or a pattern: for those a function is
 * generated per message type. It knows nothing of errors, so there is one place that words them.
 */
export type QuickCheck = (message: Message) => boolean;

/** undefined when protovalidate has to be asked about every message: rules of the whole message, or code cannot be made. */
export function createQuickCheck(desc: DescMessage): QuickCheck | undefined {
  try {
    const source = new MessageSource(desc);
    const constants = source.constants.values;
    const names = constants.map((_, at) => `c${at}`);
    const make = new Function("codePoints", "isStorable", "isUnique", "utf8Bytes", ...names, source.toString());
    return make(codePoints, isStorable, isUnique, utf8Bytes, ...constants) as QuickCheck;
  } catch (error) {
    // EvalError: the process runs with --disallow-code-generation-from-strings.
    if (error instanceof RulesError || error instanceof EvalError) {
      return undefined;
    }
    throw error;
  }
}
