import type { DescMessage } from "@bufbuild/protobuf";
import { http } from "@weft/proto/google/api/annotations_pb.ts";
import { expect, test } from "vitest";
import { httpAnnotation } from "./http-annotation.ts";

/** What a message looks like on the wire and in code, and the messages it holds. */
function shapeOf(message: DescMessage, seen = new Set<string>()): unknown {
  seen.add(message.typeName);
  const byNumber = [...message.fields].sort((one, other) => one.number - other.number);
  const fields = byNumber.map((field) => [
    field.number,
    field.name,
    field.jsonName,
    field.fieldKind,
    field.oneof?.name,
    field.message?.typeName,
  ]);
  const inner = message.fields.map((field) => field.message).filter((each) => each && !seen.has(each.typeName));
  return [message.typeName, fields, inner.map((each) => each && shapeOf(each, seen))];
}

test("the described option is the published one", () => {
  const { extension } = httpAnnotation;
  expect([extension.typeName, extension.number, extension.extendee.typeName]).toEqual([
    http.typeName,
    http.number,
    http.extendee.typeName,
  ]);
  if (extension.message === undefined || http.message === undefined) {
    throw new Error("the option is no message");
  }
  expect(shapeOf(extension.message)).toEqual(shapeOf(http.message));
});
