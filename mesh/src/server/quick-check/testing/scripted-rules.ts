import { create, createFileRegistry, type DescMessage, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  type DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  type MessageOptionsSchema,
  type OneofOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { FieldRulesSchema, field as fieldExtension } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/*
 * For tests: message types made at run time, with rules as a .proto would set them.
 */
export const fieldType = FieldDescriptorProto_Type;
export type Rules = MessageInitShape<typeof FieldRulesSchema>;

export interface ScriptedField {
  readonly type: FieldDescriptorProto_Type;
  readonly rules?: Rules;
  readonly shape?: "singular" | "optional" | "list" | "oneof";
  readonly typeName?: string;
}

interface ScriptedOptions {
  readonly message?: MessageInitShape<typeof MessageOptionsSchema>;
  readonly oneof?: MessageInitShape<typeof OneofOptionsSchema>;
  readonly nested?: MessageInitShape<typeof DescriptorProtoSchema>[];
  readonly syntax?: string;
}

/** A message type test.Scripted with the given fields; those of shape "oneof" are in one oneof named `choice`. */
export function scriptedMessage(fields: Record<string, ScriptedField>, options: ScriptedOptions = {}): DescMessage {
  const oneofDecl: { name: string; options?: MessageInitShape<typeof OneofOptionsSchema> }[] = [];
  if (Object.values(fields).some(({ shape }) => shape === "oneof")) {
    oneofDecl.push({ name: "choice", ...(options.oneof === undefined ? {} : { options: options.oneof }) });
  }
  const field = Object.entries(fields).map(([name, { type, rules, shape = "singular", typeName }], at) => {
    const isOptional = shape === "optional";
    const index = shape === "oneof" ? 0 : isOptional ? oneofDecl.push({ name: `_${name}` }) - 1 : undefined;
    const fieldOptions = create(FieldOptionsSchema);
    if (rules !== undefined) {
      setExtension(fieldOptions, fieldExtension, create(FieldRulesSchema, rules));
    }
    return {
      ...{ name, number: at + 1, type, options: fieldOptions, proto3Optional: isOptional },
      ...(index === undefined ? {} : { oneofIndex: index }),
      ...(typeName === undefined ? {} : { typeName }),
      label: shape === "list" ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    } satisfies MessageInitShape<typeof FieldDescriptorProtoSchema>;
  });
  const dependencies = [
    file_google_protobuf_duration,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_wrappers,
  ];
  const level = { name: "Level", value: ["ZERO", "ONE", "TWO"].map((name, number) => ({ name, number })) };
  const { message, nested = [], syntax = "proto3" } = options;
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: "test/scripted.proto", package: "test", syntax, enumType: [level] },
    dependency: dependencies.map(({ proto }) => proto.name),
    messageType: [{ name: "Scripted", field, oneofDecl, nestedType: nested, ...(message && { options: message }) }],
  });
  const registry = createFileRegistry(file, (name) => dependencies.find(({ proto }) => proto.name === name));
  return registry.getMessage("test.Scripted") as DescMessage;
}

/** A field `entries`, map<key, value>, for `nested` its entry type too. */
export function mapEntry(key: FieldDescriptorProto_Type, value: FieldDescriptorProto_Type) {
  const optional = FieldDescriptorProto_Label.OPTIONAL;
  return {
    name: "EntriesEntry",
    options: { mapEntry: true },
    field: [
      { name: "key", number: 1, type: key, label: optional },
      { name: "value", number: 2, type: value, label: optional },
    ],
  };
}
