import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/*
 * The comments of .proto files, by the full name of what they stand at. Generated code keeps them for its readers only: a
 * descriptor at run time has none, and documentation made there needs them. A list of names and texts is a tenth of a
 * descriptor set with source information, and its changes can be read in a review.
 */

/** Field numbers of descriptor.proto, of which source locations make their paths. */
const inFile = { message: 4, enum: 5, service: 6, extension: 7 } as const;
const inMessage = { field: 2, nested: 3, enum: 4, oneof: 8 } as const;
const inEnum = { value: 2 } as const;
const inService = { method: 2 } as const;

type Note = (typeName: string, ...path: number[]) => void;

/**
 * Comments by full name ("weft.user.v1.User.first_name"), sorted, of a FileDescriptorSet with source information. Only the
 * files of `packagePrefix` are looked at. Detached comments and instructions for linters are left out.
 */
export function commentsOf(descriptorSet: Uint8Array, packagePrefix: string): Record<string, string> {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const found = new Map<string, string>();
  for (const file of createFileRegistry(set).files) {
    if (file.proto.package.startsWith(packagePrefix)) {
      visitFile(file, found);
    }
  }
  return Object.fromEntries([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function visitFile(file: DescFile, found: Map<string, string>): void {
  const comments = commentsByPath(file.proto);
  const note: Note = (typeName, ...path) => {
    const comment = comments.get(path.join());
    if (comment !== undefined) {
      found.set(typeName, comment);
    }
  };
  file.messages.forEach((message, i) => {
    visitMessage(message, [inFile.message, i], note);
  });
  file.enums.forEach((each, i) => {
    visitEnum(each, [inFile.enum, i], note);
  });
  file.services.forEach((service, i) => {
    visitService(service, [inFile.service, i], note);
  });
  file.extensions.forEach((extension: DescExtension, i) => {
    note(extension.typeName, inFile.extension, i);
  });
}

function visitMessage(message: DescMessage, path: readonly number[], note: Note): void {
  note(message.typeName, ...path);
  message.fields.forEach((field) => {
    const index = message.proto.field.indexOf(field.proto);
    note(`${message.typeName}.${field.name}`, ...path, inMessage.field, index);
  });
  message.oneofs.forEach((oneof) => {
    note(`${message.typeName}.${oneof.name}`, ...path, inMessage.oneof, message.proto.oneofDecl.indexOf(oneof.proto));
  });
  message.nestedMessages.forEach((nested) => {
    visitMessage(nested, [...path, inMessage.nested, message.proto.nestedType.indexOf(nested.proto)], note);
  });
  message.nestedEnums.forEach((nested, i) => {
    visitEnum(nested, [...path, inMessage.enum, i], note);
  });
}

function visitEnum(desc: DescEnum, path: readonly number[], note: Note): void {
  note(desc.typeName, ...path);
  desc.values.forEach((value, i) => {
    note(`${desc.typeName}.${value.name}`, ...path, inEnum.value, i);
  });
}

function visitService(service: DescService, path: readonly number[], note: Note): void {
  note(service.typeName, ...path);
  service.methods.forEach((method, i) => {
    note(`${service.typeName}.${method.name}`, ...path, inService.method, i);
  });
}

function commentsByPath(file: FileDescriptorProto): Map<string, string> {
  const comments = new Map<string, string>();
  for (const { path, leadingComments, trailingComments } of file.sourceCodeInfo?.location ?? []) {
    const text = proseOf(leadingComments === "" ? trailingComments : leadingComments);
    if (text !== "") {
      comments.set(path.join(), text);
    }
  }
  return comments;
}

/** Lines that were wrapped become one; an empty line stays a paragraph. */
function proseOf(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("buf:lint:"))
    .join("\n")
    .trim()
    .replace(/([^\n])\n(?!\n|[-*] )/g, "$1 ");
}
