import {
  create,
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  Edition,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FieldOptions_JSType,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

/**
 * Message types that no service has, with every kind of field that protobuf knows: what the codecs are tested on.
 * Built from descriptors at run time, so that no generated code is kept for tests.
 */
const scalars = {
  double: Type.DOUBLE,
  float: Type.FLOAT,
  int64: Type.INT64,
  uint64: Type.UINT64,
  int32: Type.INT32,
  fixed64: Type.FIXED64,
  fixed32: Type.FIXED32,
  bool: Type.BOOL,
  string: Type.STRING,
  bytes: Type.BYTES,
  uint32: Type.UINT32,
  sfixed32: Type.SFIXED32,
  sfixed64: Type.SFIXED64,
  sint32: Type.SINT32,
  sint64: Type.SINT64,
} as const;

const isWide = (type: Type) => [Type.INT64, Type.UINT64, Type.SINT64, Type.FIXED64, Type.SFIXED64].includes(type);
const isNumber = (type: Type) => type !== Type.STRING && type !== Type.BYTES;
const isKey = (type: Type) => type !== Type.BYTES && type !== Type.FLOAT && type !== Type.DOUBLE;

type FieldInit = Exclude<MessageInitShape<typeof FieldDescriptorProtoSchema>, Message>;

/** Collects the fields of one message type, in the order in which they are added. */
class MessageBuilder {
  readonly #message: DescriptorProto;
  readonly #path: string;

  constructor(name: string) {
    this.#message = create(DescriptorProtoSchema, { name });
    this.#path = `.test.codec.${name}`;
  }

  field(name: string, number: number, type: Type | string, more: FieldInit = {}): this {
    const typed = typeof type === "string" ? { type: Type.MESSAGE, typeName: type } : { type };
    this.#message.field.push(
      create(FieldDescriptorProtoSchema, { name, number, label: Label.OPTIONAL, ...typed, ...more } as FieldInit),
    );
    return this;
  }

  list(name: string, number: number, type: Type | string, more: FieldInit = {}): this {
    return this.field(name, number, type, { ...more, label: Label.REPEATED });
  }

  optional(name: string, number: number, type: Type, more: FieldInit = {}): this {
    this.#message.oneofDecl.push({ $typeName: "google.protobuf.OneofDescriptorProto", name: `_${name}` });
    return this.field(name, number, type, {
      ...more,
      proto3Optional: true,
      oneofIndex: this.#message.oneofDecl.length - 1,
    });
  }

  oneof(
    name: string,
    fields: (add: (name: string, number: number, type: Type | string, more?: FieldInit) => void) => void,
  ) {
    this.#message.oneofDecl.push({ $typeName: "google.protobuf.OneofDescriptorProto", name });
    const oneofIndex = this.#message.oneofDecl.length - 1;
    fields((field, number, type, more) => this.field(field, number, type, { ...more, oneofIndex }));
    return this;
  }

  map(name: string, number: number, key: Type, value: Type | string, more: FieldInit = {}): this {
    const entry = `${name.replace(/(?:^|_)(.)/g, (_, first: string) => first.toUpperCase())}Entry`;
    const nested = new MessageBuilder(entry).field("key", 1, key).field("value", 2, value, more).build();
    nested.options = create(MessageOptionsSchema, { mapEntry: true });
    this.#message.nestedType.push(create(DescriptorProtoSchema, nested));
    return this.list(name, number, `${this.#path}.${entry}`);
  }

  build(): DescriptorProto {
    return this.#message;
  }
}

const unpacked: FieldInit = { options: create(FieldOptionsSchema, { packed: false }) };
const asText: FieldInit = { options: create(FieldOptionsSchema, { jstype: FieldOptions_JSType.JS_STRING }) };
const color: FieldInit = { type: Type.ENUM, typeName: ".test.codec.Color" };

function colors(name: string) {
  const value = ["NONE", "RED", "BLUE"].map((color, number) => ({ name: `${name.toUpperCase()}_${color}`, number }));
  return create(EnumDescriptorProtoSchema, { name, value });
}

function every(): DescriptorProto {
  const builder = new MessageBuilder("Every");
  const types = Object.entries(scalars);
  types.forEach(([name, type], index) => {
    builder.field(`${name}_value`, index + 1, type);
  });
  types.forEach(([name, type], index) => {
    builder.optional(`${name}_optional`, index + 21, type);
    builder.list(`${name}_list`, index + 41, type);
    if (isNumber(type)) {
      builder.list(`${name}_unpacked`, index + 61, type, unpacked);
    }
    if (isWide(type)) {
      builder.field(`${name}_text`, index + 81, type, asText);
      builder.list(`${name}_text_list`, index + 101, type, asText);
    }
    if (isKey(type)) {
      builder.map(`by_${name}`, index + 121, type, Type.STRING);
    }
    builder.map(`to_${name}`, index + 141, Type.STRING, type);
  });
  builder
    .field("color", 161, Type.ENUM, color)
    .optional("color_optional", 162, Type.ENUM, color)
    .list("color_list", 163, Type.ENUM, color)
    .list("color_unpacked", 164, Type.ENUM, { ...color, ...unpacked })
    .map("to_color", 165, Type.INT32, Type.ENUM, color)
    .field("self", 166, ".test.codec.Every")
    .list("self_list", 167, ".test.codec.Every")
    .map("to_self", 168, Type.UINT32, ".test.codec.Every");
  builder.oneof("choice", (add) => {
    for (const [index, [name, type]] of types.entries()) {
      add(`${name}_choice`, index + 2041, type);
    }
    add("color_choice", 2060, Type.ENUM, color);
    add("self_choice", 2061, ".test.codec.Every");
    add("wrapped_choice", 2062, ".google.protobuf.StringValue");
  });
  for (const [index, name] of [
    "Double",
    "Float",
    "Int64",
    "UInt64",
    "Int32",
    "UInt32",
    "Bool",
    "String",
    "Bytes",
  ].entries()) {
    builder.field(`wrapped_${name.toLowerCase()}`, index + 20_000, `.google.protobuf.${name}Value`);
  }
  return builder
    .list("wrapped_list", 20_010, ".google.protobuf.Int32Value")
    .field("json_value", 20_011, ".google.protobuf.Value")
    .list("at", 20_012, ".google.protobuf.Timestamp")
    .field("constructor", 300_000, Type.STRING)
    .field("value_of", 536_870_911, Type.STRING)
    .build();
}

/** Declared in another order than numbered, one oneof in two pieces: property order and wire order differ. */
function shuffled(): DescriptorProto {
  return new MessageBuilder("Shuffled")
    .field("last", 9, Type.STRING)
    .oneof("either", (add) => {
      add("text", 7, Type.STRING);
      add("nested", 2, ".test.codec.Shuffled");
    })
    .field("nested_too", 8, ".test.codec.Shuffled")
    .optional("maybe", 3, Type.INT32)
    .field("first", 1, Type.DOUBLE)
    .build();
}

/** Holds types that are left to protobuf-es, in every way in which a field can hold a type. */
function holder(): DescriptorProto {
  return new MessageBuilder("Holder")
    .field("name", 1, Type.STRING)
    .field("old", 2, ".test.codec.Old")
    .list("old_list", 3, ".test.codec.Old")
    .map("to_old", 4, Type.STRING, ".test.codec.Old")
    .oneof("either", (add) => {
      add("old_choice", 5, ".test.codec.Old");
      add("json_choice", 6, ".test.codec.WithJson");
    })
    .field("holder", 7, ".test.codec.Holder")
    .build();
}

/** A google.protobuf.Struct in a field is plain JSON in the message: left to protobuf-es. */
function withJson(): DescriptorProto {
  return new MessageBuilder("WithJson")
    .field("json", 1, ".google.protobuf.Struct")
    .list("json_list", 2, ".google.protobuf.Struct")
    .build();
}

/** proto2: defaults, presence by prototype, a closed enum, a group. */
function old(): DescriptorProto {
  const message = new MessageBuilder("Old")
    .field("name", 1, Type.STRING, { defaultValue: "nobody" })
    .field("shade", 2, Type.ENUM, { typeName: ".test.codec.Shade" })
    .field("group", 3, Type.GROUP, { typeName: ".test.codec.Old.Group" })
    .list("numbers", 4, Type.INT32)
    .build();
  message.nestedType.push(new MessageBuilder("Group").field("text", 1, Type.STRING).build());
  return message;
}

function required(): DescriptorProto {
  return new MessageBuilder("Required").field("id", 1, Type.INT32, { label: Label.REQUIRED }).build();
}

function file(
  name: string,
  messages: DescriptorProto[],
  more: MessageInitShape<typeof FileDescriptorProtoSchema>,
): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, { name, package: "test.codec", messageType: messages, ...more });
}

function registry(): FileRegistry {
  const wellKnown = [file_google_protobuf_struct, file_google_protobuf_timestamp, file_google_protobuf_wrappers];
  const files = [
    ...wellKnown.map(({ proto }) => proto),
    file("old.proto", [old(), required()], {
      syntax: "proto2",
      enumType: [colors("Shade")],
    }),
    file("every.proto", [every(), shuffled(), holder(), withJson()], {
      syntax: "proto3",
      dependency: [...wellKnown.map(({ proto }) => proto.name), "old.proto"],
      enumType: [colors("Color")],
    }),
    file("edition.proto", [new MessageBuilder("Edition").field("count", 1, Type.INT32).build()], {
      syntax: "editions",
      edition: Edition.EDITION_2023,
    }),
  ];
  return createFileRegistry(create(FileDescriptorSetSchema, { file: files }));
}

const files = registry();

/** A message type of this file by its name. */
export function schema(
  name: "Every" | "Shuffled" | "Holder" | "WithJson" | "Old" | "Required" | "Edition",
): DescMessage {
  const found = files.getMessage(`test.codec.${name}`);
  if (found === undefined) {
    throw new Error(`no message ${name}`);
  }
  return found;
}

/** A proto3 message with one text field. */
export function handMade(fieldName: string): DescMessage {
  const message = new MessageBuilder("HandMade").field(fieldName, 1, Type.STRING).build();
  const set = create(FileDescriptorSetSchema, { file: [file("hand-made.proto", [message], { syntax: "proto3" })] });
  return createFileRegistry(set).getMessage("test.codec.HandMade") as DescMessage;
}
