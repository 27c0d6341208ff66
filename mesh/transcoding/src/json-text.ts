import type { JsonValue } from "@bufbuild/protobuf";
import { invalidRequestError } from "./field-violations.ts";

/*
 * Bytes to a JSON value, for bodies from outside.
 *
 * Stricter than JSON.parse in three ways: the bytes must be valid UTF-8, objects and lists nest at most 64 deep (what
 * reads the value afterwards may recurse), and a key may stand only once in its object: JSON.parse would keep the last
 * one silently, while whoever checked the body before us may have looked at the first.
 */

/** How deep objects and lists may nest in a request body. */
const maxJsonDepth = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Parses a body. Throws InvalidArgument, and says which key where one is given twice. */
export function jsonFromBytes(bytes: Uint8Array): JsonValue {
  const text = decode(bytes);
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidRequestError([{ path: [], description: "the body is not valid JSON" }], cause);
  }
  assertPlainJson(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw invalidRequestError([{ path: [], description: "the body is not valid UTF-8" }], cause);
  }
}

/** One pass over text that JSON.parse has accepted, so only the structure needs looking at. */
function assertPlainJson(text: string): void {
  // The keys seen in each open object; undefined for an open list.
  const open: (Set<string> | undefined)[] = [];
  let keyComesNext = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        keyComesNext = text[i] === "{";
        open.push(keyComesNext ? new Set() : undefined);
        if (open.length > maxJsonDepth) {
          throw invalidRequestError([
            { path: [], description: `the body must not be nested deeper than ${maxJsonDepth} levels` },
          ]);
        }
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        keyComesNext = false;
        break;
      case 0x2c: // ,
        keyComesNext = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = endOfString(text, i);
        if (keyComesNext) {
          noteKey(open.at(-1), text.slice(i, end + 1));
          keyComesNext = false;
        }
        i = end;
        break;
      }
    }
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') {
    i += text[i] === "\\" ? 2 : 1;
  }
  return i;
}

function noteKey(seen: Set<string> | undefined, quoted: string): void {
  const key = quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  if (seen?.has(key)) {
    throw invalidRequestError([{ path: [key], description: "must be given only once" }]);
  }
  seen?.add(key);
}
