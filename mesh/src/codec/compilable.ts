import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Edition, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/**
 * Which message types get generated code: those of proto3 files, which is all that services here write. proto2 and
 * editions differ in ways that would double the generator (defaults on prototypes, required fields, groups, closed
 * enums) and are left to protobuf-es, one message type at a time.
 */
export function isCompilable(message: DescMessage): boolean {
  return (
    message.file.edition === Edition.EDITION_PROTO3 &&
    message.members.every((member) => isPropertyName(member.localName)) &&
    message.fields.every(isCompilableField)
  );
}

/**
 * Whether a name out of a descriptor can stand in source code as a property. A descriptor may come from anywhere: this
 * is what keeps foreign code out of the generated code.
 */
export function isPropertyName(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== "__proto__";
}

/** A singular field outside a oneof of a type such as google.protobuf.Int32Value holds the bare value. */
export function isUnwrapped(field: DescField): boolean {
  return field.fieldKind === "message" && field.oneof === undefined && isWrapperDesc(field.message);
}

function isCompilableField(field: DescField): boolean {
  if (field.message === undefined) {
    return field.enum === undefined || (field.enum.open && field.enum.values[0]?.number === 0);
  }
  // A google.protobuf.Struct in a field is plain JSON, except in google.protobuf.Value.
  const isJson =
    field.message.typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value";
  return !isJson && !field.delimitedEncoding && (!isUnwrapped(field) || isCompilable(field.message));
}
