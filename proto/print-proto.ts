import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import {
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel as Level,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

/*
 * Prints a file descriptor as .proto source. Some packages on npm carry a schema only as the descriptor inside their
 * generated code, while a compiler needs the source of what it imports.
 *
 * The printed file compiles to the same descriptor, apart from options: of those only the ones that change the shape of
 * the schema are printed (packed, deprecated, allow_alias, map entries, idempotency). Custom options and comments are
 * left out: no file that imports this one needs them. Type references are printed with their leading dot, so that no
 * scope rule can resolve them to something else. What the printer does not know (editions, groups, message sets) is
 * refused, never printed halfway.
 */

const scalarNames: Partial<Record<Type, string>> = {
  [Type.DOUBLE]: "double",
  [Type.FLOAT]: "float",
  [Type.INT64]: "int64",
  [Type.UINT64]: "uint64",
  [Type.INT32]: "int32",
  [Type.FIXED64]: "fixed64",
  [Type.FIXED32]: "fixed32",
  [Type.BOOL]: "bool",
  [Type.STRING]: "string",
  [Type.BYTES]: "bytes",
  [Type.UINT32]: "uint32",
  [Type.SFIXED32]: "sfixed32",
  [Type.SFIXED64]: "sfixed64",
  [Type.SINT32]: "sint32",
  [Type.SINT64]: "sint64",
};

const maxFieldNumber = 536_870_911;
const maxEnumNumber = 2_147_483_647;

type Syntax = "proto2" | "proto3";

/**
 * The .proto source of `file`, proto2 or proto3. Throws an Error that names the file and the element for what cannot be
 * printed: editions, groups, and message sets.
 */
export function printProto(file: FileDescriptorProto): string {
  const syntax = file.syntax === "" ? "proto2" : file.syntax;
  if (syntax !== "proto2" && syntax !== "proto3") {
    throw new Error(`${file.name}: syntax "${syntax}" cannot be printed, only proto2 and proto3 can`);
  }
  const imports = file.dependency.map((path, index) => {
    const kind = file.publicDependency.includes(index) ? "public " : file.weakDependency.includes(index) ? "weak " : "";
    return `import ${kind}${quote(path)};`;
  });
  const sections = [
    [`syntax = "${syntax}";`],
    file.package === "" ? [] : [`package ${file.package};`],
    imports,
    ...extensionBlocks(file.extension, syntax),
    ...file.enumType.map(enumLines),
    ...file.messageType.map((message) => messageLines(message, syntax)),
    ...file.service.map(serviceLines),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function messageLines(message: DescriptorProto, syntax: Syntax): string[] {
  if (message.options?.messageSetWireFormat === true) {
    throw new Error(`message ${message.name}: message sets cannot be printed`);
  }
  const mapEntries = new Map(
    message.nestedType.filter((nested) => nested.options?.mapEntry === true).map((entry) => [entry.name, entry]),
  );
  const body = [
    ...(message.options?.deprecated === true ? ["option deprecated = true;"] : []),
    ...message.enumType.flatMap(enumLines),
    ...message.nestedType
      .filter((nested) => !mapEntries.has(nested.name))
      .flatMap((nested) => messageLines(nested, syntax)),
    ...fieldAndOneofLines(message, mapEntries, syntax),
    ...rangeLines("extensions", message.extensionRange, maxFieldNumber, 1),
    ...rangeLines("reserved", message.reservedRange, maxFieldNumber, 1),
    ...reservedNames(message.reservedName),
    ...extensionBlocks(message.extension, syntax).flat(),
  ];
  return block(`message ${message.name}`, body);
}

/** Fields in their order; a oneof is printed where its first field stands. */
function fieldAndOneofLines(
  message: DescriptorProto,
  mapEntries: ReadonlyMap<string, DescriptorProto>,
  syntax: Syntax,
): string[] {
  const printed = new Set<number>();
  return message.field.flatMap((field) => {
    // A proto3 "optional" field sits in a synthetic oneof that has no source of its own.
    if (field.oneofIndex === undefined || !isInOneof(field) || field.proto3Optional) {
      return [fieldLine(field, syntax, mapEntries)];
    }
    if (printed.has(field.oneofIndex)) {
      return [];
    }
    printed.add(field.oneofIndex);
    const members = message.field.filter(
      (other) => isInOneof(other) && !other.proto3Optional && other.oneofIndex === field.oneofIndex,
    );
    const name = message.oneofDecl[field.oneofIndex]?.name ?? "";
    return block(
      `oneof ${name}`,
      members.map((member) => fieldLine(member, syntax, mapEntries)),
    );
  });
}

/** protobuf-es gives an unset proto2 scalar its default, so 0 alone does not tell "in the first oneof". */
function isInOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, "oneofIndex");
}

function fieldLine(
  field: FieldDescriptorProto,
  syntax: Syntax,
  mapEntries: ReadonlyMap<string, DescriptorProto> = new Map(),
): string {
  const entry = field.type === Type.MESSAGE ? mapEntries.get(field.typeName.split(".").at(-1) ?? "") : undefined;
  const type = entry === undefined ? typeName(field) : mapType(entry);
  return `${entry === undefined ? labelOf(field, syntax) : ""}${type} ${field.name} = ${field.number}${fieldOptions(field)};`;
}

function mapType(entry: DescriptorProto): string {
  const [key, value] = entry.field;
  if (key === undefined || value === undefined) {
    throw new Error(`message ${entry.name}: a map entry needs a key and a value`);
  }
  return `map<${typeName(key)}, ${typeName(value)}>`;
}

function typeName(field: FieldDescriptorProto): string {
  if (field.type === Type.MESSAGE || field.type === Type.ENUM) {
    return field.typeName;
  }
  const name = scalarNames[field.type];
  if (name === undefined) {
    throw new Error(`field ${field.name}: type ${Type[field.type] ?? field.type} cannot be printed`);
  }
  return name;
}

function labelOf(field: FieldDescriptorProto, syntax: Syntax): string {
  if (field.label === Label.REPEATED) {
    return "repeated ";
  }
  if (field.label === Label.REQUIRED) {
    return "required ";
  }
  if (field.proto3Optional) {
    return "optional ";
  }
  return syntax === "proto2" && !isInOneof(field) ? "optional " : "";
}

function fieldOptions(field: FieldDescriptorProto): string {
  const options: string[] = [];
  if (Object.hasOwn(field, "defaultValue")) {
    options.push(`default = ${defaultValue(field)}`);
  }
  // An extension has no name of its own in JSON that the source could set.
  if (field.jsonName !== "" && field.jsonName !== defaultJsonName(field.name) && field.extendee === "") {
    options.push(`json_name = ${quote(field.jsonName)}`);
  }
  if (field.options !== undefined && Object.hasOwn(field.options, "packed")) {
    options.push(`packed = ${field.options.packed}`);
  }
  if (field.options?.deprecated === true) {
    options.push("deprecated = true");
  }
  return options.length === 0 ? "" : ` [${options.join(", ")}]`;
}

function defaultValue(field: FieldDescriptorProto): string {
  if (field.type === Type.STRING) {
    return quote(field.defaultValue);
  }
  // The descriptor holds the default of a bytes field already escaped.
  return field.type === Type.BYTES ? `"${field.defaultValue}"` : field.defaultValue;
}

function enumLines(enumeration: EnumDescriptorProto): string[] {
  return block(`enum ${enumeration.name}`, [
    ...(enumeration.options?.allowAlias === true ? ["option allow_alias = true;"] : []),
    ...(enumeration.options?.deprecated === true ? ["option deprecated = true;"] : []),
    ...enumeration.value.map(
      (value) => `${value.name} = ${value.number}${value.options?.deprecated === true ? " [deprecated = true]" : ""};`,
    ),
    // Ranges of enums include their end, those of messages do not.
    ...rangeLines("reserved", enumeration.reservedRange, maxEnumNumber, 0),
    ...reservedNames(enumeration.reservedName),
  ]);
}

function serviceLines(service: ServiceDescriptorProto): string[] {
  const methods = service.method.flatMap((method) => {
    const input = `${method.clientStreaming ? "stream " : ""}${method.inputType}`;
    const output = `${method.serverStreaming ? "stream " : ""}${method.outputType}`;
    const signature = `rpc ${method.name}(${input}) returns (${output})`;
    const level = method.options?.idempotencyLevel;
    return level === undefined || level === Level.IDEMPOTENCY_UNKNOWN
      ? [`${signature};`]
      : block(signature, [`option idempotency_level = ${Level[level]};`]);
  });
  return block(`service ${service.name}`, methods);
}

/** One extend block per run of extensions of the same message, which keeps their order. */
function extensionBlocks(extensions: readonly FieldDescriptorProto[], syntax: Syntax): string[][] {
  const runs: FieldDescriptorProto[][] = [];
  for (const extension of extensions) {
    const run = runs.at(-1);
    if (run?.[0]?.extendee === extension.extendee) {
      run.push(extension);
    } else {
      runs.push([extension]);
    }
  }
  return runs.map((run) =>
    block(
      `extend ${run[0]?.extendee ?? ""}`,
      run.map((extension) => fieldLine(extension, syntax)),
    ),
  );
}

function rangeLines(
  keyword: "extensions" | "reserved",
  ranges: readonly { readonly start: number; readonly end: number }[],
  max: number,
  endExcess: 0 | 1,
): string[] {
  return ranges.map(({ start, end }) => {
    const last = end - endExcess;
    const shown = last === start ? `${start}` : `${start} to ${last >= max ? "max" : last}`;
    return `${keyword} ${shown};`;
  });
}

function reservedNames(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`reserved ${names.map(quote).join(", ")};`];
}

function block(head: string, body: readonly string[]): string[] {
  return body.length === 0 ? [`${head} {}`] : [`${head} {`, ...body.map((line) => `  ${line}`), "}"];
}

function defaultJsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

function quote(text: string): string {
  const escaped = [...Buffer.from(text, "utf8")].map((byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === "\\") {
      return `\\${char}`;
    }
    return byte >= 0x20 && byte < 0x7f ? char : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
