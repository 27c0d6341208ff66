import {
  create,
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import {
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
  FieldDescriptorProto_Label as Label,
  type MethodOptions,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

/*
 * The google.api.http option (google/api/annotations.proto and http.proto), as a descriptor written out by hand.
 *
 * An option is stored by its number, so it is read alike from whatever generated the descriptors of a service. Generated
 * code of our own would tie the package to one generator and its output folder, for two messages of a dozen fields. A test
 * compares what stands here with the published schema.
 */

/** `google.api.HttpRule`. */
export type HttpRule = Message<"google.api.HttpRule"> & {
  readonly selector: string;
  readonly pattern:
    | { readonly case: "get" | "put" | "post" | "delete" | "patch"; readonly value: string }
    | { readonly case: "custom"; readonly value: { readonly kind: string; readonly path: string } }
    | { readonly case: undefined; readonly value?: undefined };
  readonly body: string;
  readonly responseBody: string;
  readonly additionalBindings: readonly HttpRule[];
};

const extensionNumber = 72_295_728;

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "google/api/annotations.proto",
    package: "google.api",
    syntax: "proto3",
    dependency: [file_google_protobuf_descriptor.proto.name],
    messageType: [
      {
        name: "HttpRule",
        oneofDecl: [{ name: "pattern" }],
        field: [
          text("selector", 1),
          choice(text("get", 2)),
          choice(text("put", 3)),
          choice(text("post", 4)),
          choice(text("delete", 5)),
          choice(text("patch", 6)),
          text("body", 7),
          choice(message("custom", 8, ".google.api.CustomHttpPattern")),
          message("additional_bindings", 11, ".google.api.HttpRule", Label.REPEATED),
          text("response_body", 12),
        ],
      },
      { name: "CustomHttpPattern", field: [text("kind", 1), text("path", 2)] },
    ],
    extension: [
      {
        name: "http",
        number: extensionNumber,
        label: Label.OPTIONAL,
        type: Type.MESSAGE,
        typeName: ".google.api.HttpRule",
        extendee: ".google.protobuf.MethodOptions",
        jsonName: "http",
      },
    ],
  }),
  () => file_google_protobuf_descriptor.proto,
);

const extension = httpExtension(registry);

/** The google.api.http option of a method; undefined where it has none. */
export function httpRuleOf(method: DescMethod): HttpRule | undefined {
  return hasOption(method, extension) ? getOption(method, extension) : undefined;
}

/** The option's descriptors, for comparing them with another copy. */
export const httpAnnotation = { extension, registry } as const;

function httpExtension(from: FileRegistry): GenExtension<MethodOptions, HttpRule> {
  const found = from.getExtension("google.api.http");
  if (found === undefined) {
    throw new Error("the descriptor of google.api.http is incomplete");
  }
  return found as GenExtension<MethodOptions, HttpRule>;
}

function text(name: string, number: number): FieldDescriptorProto {
  return field(name, number, { type: Type.STRING });
}

function message(name: string, number: number, typeName: string, label: Label = Label.OPTIONAL): FieldDescriptorProto {
  return field(name, number, { type: Type.MESSAGE, typeName, label });
}

function choice(member: FieldDescriptorProto): FieldDescriptorProto {
  member.oneofIndex = 0;
  return member;
}

function field(
  name: string,
  number: number,
  rest: { readonly type: Type; readonly typeName?: string; readonly label?: Label },
): FieldDescriptorProto {
  const jsonName = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return create(FieldDescriptorProtoSchema, { name, number, jsonName, label: Label.OPTIONAL, ...rest });
}
