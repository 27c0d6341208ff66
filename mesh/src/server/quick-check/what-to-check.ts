import { type DescField, type DescMessage, hasOption, ScalarType } from "@bufbuild/protobuf";
import {
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Whether anything in messages of this type, however deep, can be refused: it has a rule, or holds text. */
export function hasChecks(desc: DescMessage, seen: Set<DescMessage> = new Set()): boolean {
  if (seen.has(desc)) {
    return false;
  }
  seen.add(desc);
  return (
    hasOption(desc, messageRules) ||
    desc.oneofs.some((oneof) => hasOption(oneof, oneofRules)) ||
    desc.fields.some(
      (field) =>
        hasOption(field, fieldRules) ||
        isText(field) ||
        (field.message !== undefined && hasChecks(field.message, seen)),
    )
  );
}

function isText(field: DescField): boolean {
  return field.scalar === ScalarType.STRING || (field.fieldKind === "map" && field.mapKey === ScalarType.STRING);
}
