import { HeaderFields, isFieldName } from "@weft/transcoding";
import type { FieldBlock, HeaderField, HttpResponse } from "./http-server.ts";

/*
 * Between the lists of header fields that a server has and wants, and what the rest of the gateway reads and sets.
 */

/** The fields of a request, in the order of arrival. What HTTP does not allow, and the server let through, is left out. */
export function headersOf(fields: readonly HeaderField[]): HeaderFields {
  const headers = new HeaderFields();
  for (const [name, value] of fields) {
    try {
      if (isFieldName(name)) {
        headers.append(name, value);
      }
    } catch {
      // A value that cannot be one: nothing of ours reads it.
    }
  }
  return headers;
}

/**
 * All fields of an answer as the first one's name and a value that holds the others as well, to be written in one call: each
 * crosses into native code, and a dozen cost as much as the rest of an answer (measured: 5 µs, in one 2.5). Undefined without
 * fields. No value can end its line: headers refuse that, and the other fields are our own.
 */
export function joinedFields({
  headers,
  fields = none,
  block,
}: Pick<HttpResponse, "headers" | "fields" | "block">): { readonly name: string; readonly rest: string } | undefined {
  let name: string | undefined;
  let rest = "";
  const add = (next: string, value: string): void => {
    if (name === undefined) {
      name = next;
      rest = value;
    } else {
      rest += `\r\n${next}: ${value}`;
    }
  };
  const addUnlessSet = (list: readonly HeaderField[]): void => {
    for (const [next, value] of list) {
      if (!headers.has(next)) {
        add(next, value);
      }
    }
  };
  // Something else has to begin the list, since the block is text already.
  const whole = block !== undefined && fields.length > 0 && !holdsAny(headers, block.names);
  if (block !== undefined && !whole) {
    addUnlessSet(block.fields);
  }
  addUnlessSet(fields);
  for (const [next, value] of headers) {
    add(next, value);
  }
  if (whole && name !== undefined) {
    rest += `\r\n${block.text}`;
  }
  return name === undefined ? undefined : { name, rest };
}

/** Fields that are the same in all answers, joined once. */
export function fieldBlock(fields: readonly HeaderField[]): FieldBlock {
  return {
    fields,
    names: new Set(fields.map(([name]) => name)),
    text: fields.map(([name, value]) => `${name}: ${value}`).join("\r\n"),
  };
}

const none: readonly HeaderField[] = [];

function holdsAny(headers: Headers, names: ReadonlySet<string>): boolean {
  for (const name of headers.keys()) {
    if (names.has(name)) {
      return true;
    }
  }
  return false;
}
