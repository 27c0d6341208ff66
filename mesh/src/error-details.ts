import { create, createFileRegistry, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_duration,
} from "@bufbuild/protobuf/wkt";

/*
 * The standard error details (google.rpc.ErrorInfo, BadRequest, RequestInfo, RetryInfo), described in code. No npm
 * package of sensible size carries error_details.proto, and these four messages are all we send; the wire format is the
 * published one, so every gRPC client decodes them.
 */

function field(
  name: string,
  number: number,
  options: MessageInitShape<typeof FieldDescriptorProtoSchema> = {},
): FieldDescriptorProto {
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.STRING,
    jsonName: name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    ...options,
  });
}

const file = create(FileDescriptorProtoSchema, {
  name: "google/rpc/error_details.proto",
  package: "google.rpc",
  syntax: "proto3",
  dependency: ["google/protobuf/duration.proto"],
  messageType: [
    {
      name: "ErrorInfo",
      field: [
        field("reason", 1),
        field("domain", 2),
        field("metadata", 3, {
          label: FieldDescriptorProto_Label.REPEATED,
          type: FieldDescriptorProto_Type.MESSAGE,
          typeName: ".google.rpc.ErrorInfo.MetadataEntry",
        }),
      ],
      nestedType: [{ name: "MetadataEntry", field: [field("key", 1), field("value", 2)], options: { mapEntry: true } }],
    },
    {
      name: "BadRequest",
      field: [
        field("field_violations", 1, {
          label: FieldDescriptorProto_Label.REPEATED,
          type: FieldDescriptorProto_Type.MESSAGE,
          typeName: ".google.rpc.BadRequest.FieldViolation",
        }),
      ],
      nestedType: [{ name: "FieldViolation", field: [field("field", 1), field("description", 2)] }],
    },
    { name: "RequestInfo", field: [field("request_id", 1), field("serving_data", 2)] },
    {
      name: "RetryInfo",
      field: [
        field("retry_delay", 1, {
          type: FieldDescriptorProto_Type.MESSAGE,
          typeName: ".google.protobuf.Duration",
        }),
      ],
    },
  ],
});

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [file_google_protobuf_duration.proto, file] }),
);

function described(name: string): DescMessage {
  const message = registry.getMessage(name);
  if (message === undefined) {
    throw new Error(`${name} is not described`);
  }
  return message;
}

/** `{reason, domain, metadata}`: the machine-readable reason of an error. */
export const ErrorInfoSchema = described("google.rpc.ErrorInfo");
/** `{fieldViolations: [{field, description}]}`: which input fields were refused, and why. */
export const BadRequestSchema = described("google.rpc.BadRequest");
/** `{retryDelay: {seconds, nanos}}`: when to try again. */
export const RetryInfoSchema = described("google.rpc.RetryInfo");
/** Every detail type an error may carry, for turning details into JSON. */
export const errorDetailRegistry = registry;
