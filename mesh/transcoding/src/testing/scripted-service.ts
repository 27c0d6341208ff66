import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  OneofDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { http } from "@weft/proto/google/api/annotations_pb.ts";
import { HttpRuleSchema } from "@weft/proto/google/api/http_pb.ts";

/*
 * A service for the tests of this folder, built from descriptors at run time: its messages cover every kind of field,
 * and each test brings the google.api.http rules it is about.
 *
 * Fields are written as in a .proto file. "choice:" in front puts one into the oneof of that name.
 */

const messages: Readonly<Record<string, readonly string[]>> = {
  Item: [
    "string id = 1",
    "string display_name = 2",
    "int32 count = 3",
    "int64 total = 4",
    "bool active = 5",
    "bytes data = 6",
    "double ratio = 7",
    "Color color = 8",
    "repeated string tags = 9",
    "repeated int32 scores = 10",
    "repeated Color colors = 11",
    "Part main_part = 12",
    "repeated Part parts = 13",
    "map<string,int32> labels = 14",
    "google.protobuf.Timestamp created_at = 15",
    "google.protobuf.Duration max_age = 16",
    "google.protobuf.FieldMask update_mask = 17",
    "google.protobuf.Int64Value limit = 18",
    "google.protobuf.BoolValue strict = 19",
    "google.protobuf.StringValue note = 20",
    "google.protobuf.Struct extra = 21",
    "google.protobuf.Any attachment = 22",
    "choice:string email = 23",
    "choice:string phone = 24",
    "uint32 port = 25",
    "uint64 offset = 26",
    "float weight = 27",
    "map<string,Part> parts_by_name = 28",
  ],
  Part: ["string id = 1", "int32 size = 2", "Part inner = 3", "repeated string part_names = 4"],
  Empty: [],
  // Every kind of field but those whose types have a JSON form without a message.
  Plain: [
    "string text = 1",
    "bool flag = 2",
    "bytes data = 3",
    "double ratio = 4",
    "float weight = 5",
    "int32 count = 6",
    "uint32 port = 7",
    "sint32 change = 8",
    "int64 total = 9",
    "uint64 offset = 10",
    "fixed64 mark = 11",
    "Color color = 12",
    "repeated string tags = 13",
    "repeated double scores = 14",
    "repeated Color colors = 15",
    "Plain inner = 16",
    "repeated Plain others = 17",
    "map<string,int64> totals = 18",
    "map<int32,Part> parts = 19",
    "map<string,Color> colors_by_name = 20",
    "google.protobuf.Timestamp created_at = 21",
    "repeated google.protobuf.Timestamp seen_at = 22",
    "choice:string email = 23",
    "choice:Part part = 24",
    "choice:bool none = 25",
  ],
};

const scalars: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  string: FieldDescriptorProto_Type.STRING,
  bool: FieldDescriptorProto_Type.BOOL,
  bytes: FieldDescriptorProto_Type.BYTES,
  double: FieldDescriptorProto_Type.DOUBLE,
  float: FieldDescriptorProto_Type.FLOAT,
  int32: FieldDescriptorProto_Type.INT32,
  int64: FieldDescriptorProto_Type.INT64,
  uint32: FieldDescriptorProto_Type.UINT32,
  uint64: FieldDescriptorProto_Type.UINT64,
  sint32: FieldDescriptorProto_Type.SINT32,
  fixed64: FieldDescriptorProto_Type.FIXED64,
};

const imports = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

/** A method of the scripted service; without a rule it has no google.api.http option. */
export type ScriptedMethod = {
  readonly rule?: MessageInitShape<typeof HttpRuleSchema>;
  readonly serverStreaming?: boolean;
  readonly clientStreaming?: boolean;
};

export type ScriptedService = {
  readonly service: DescService;
  readonly item: DescMessage;
  readonly registry: FileRegistry;
  method(name: string): DescMethod;
};

/** Builds `test.v1.Items` with the given methods, all of them from Item to Item. */
export function scriptedService(methods: Readonly<Record<string, ScriptedMethod>>): ScriptedService {
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/items.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: imports.map((each) => each.proto.name),
    messageType: Object.entries(messages).map(([name, fields]) => messageProto(name, fields)),
    enumType: [
      {
        name: "Color",
        value: ["COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_BLUE"].map((name, number) => ({ name, number })),
      },
    ],
    service: [{ name: "Items", method: Object.entries(methods).map(([name, method]) => methodProto(name, method)) }],
  });
  const registry = createFileRegistry(file, (name) => imports.find((each) => each.proto.name === name)?.proto);
  const service = registry.getService("test.v1.Items");
  const item = registry.getMessage("test.v1.Item");
  if (!service || !item) {
    throw new Error("the scripted service is incomplete");
  }
  return {
    service,
    item,
    registry,
    method(name) {
      const method = service.methods.find((each) => each.name === name);
      if (!method) {
        throw new Error(`the scripted service has no method ${name}`);
      }
      return method;
    },
  };
}

function methodProto(name: string, { rule, serverStreaming, clientStreaming }: ScriptedMethod) {
  const options = create(MethodOptionsSchema);
  if (rule) {
    setExtension(options, http, create(HttpRuleSchema, rule));
  }
  return create(MethodDescriptorProtoSchema, {
    name,
    inputType: ".test.v1.Item",
    outputType: ".test.v1.Item",
    serverStreaming: serverStreaming ?? false,
    clientStreaming: clientStreaming ?? false,
    options,
  });
}

function messageProto(name: string, lines: readonly string[]): DescriptorProto {
  const message = create(DescriptorProtoSchema, { name });
  for (const line of lines) {
    const [, oneof, repeated, type = "", fieldName = "", number] =
      /^(?:(\w+):)?(repeated )?(\S+) (\w+) = (\d+)$/.exec(line) ?? [];
    const [, keyType, valueType] = /^map<(\w+),(\w+)>$/.exec(type) ?? [];
    const field = fieldProto(fieldName, Number(number), type);
    if (keyType && valueType) {
      const entry = `${fieldName.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
      message.nestedType.push(
        create(DescriptorProtoSchema, {
          name: entry,
          field: [fieldProto("key", 1, keyType), fieldProto("value", 2, valueType)],
          options: { mapEntry: true },
        }),
      );
      field.type = FieldDescriptorProto_Type.MESSAGE;
      field.typeName = `.test.v1.${name}.${entry}`;
    }
    field.label = repeated || keyType ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL;
    if (oneof) {
      if (message.oneofDecl.length === 0) {
        message.oneofDecl.push(create(OneofDescriptorProtoSchema, { name: oneof }));
      }
      field.oneofIndex = 0;
    }
    message.field.push(field);
  }
  return message;
}

function fieldProto(name: string, number: number, type: string): FieldDescriptorProto {
  const scalar = scalars[type];
  const field = create(FieldDescriptorProtoSchema, {
    name,
    number,
    jsonName: name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    label: FieldDescriptorProto_Label.OPTIONAL,
  });
  if (scalar !== undefined) {
    field.type = scalar;
    return field;
  }
  field.type = type === "Color" ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE;
  field.typeName = type.includes(".") ? `.${type}` : `.test.v1.${type}`;
  return field;
}
