import { create, createFileRegistry, type FileRegistry, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { ServerReflection, type ServerReflectionRequestSchema } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";
import { CliError } from "../cli-error.ts";

type Question = { readonly case: "fileContainingSymbol" | "fileByFilename"; readonly value: string };

/**
 * Learns a service's descriptors from the server itself, by gRPC server reflection v1. Servers may answer with one file
 * or with all that it imports; what is missing is asked for by name.
 */
export async function reflectService(transport: Transport, typeName: string, timeoutMs: number): Promise<FileRegistry> {
  const client = createClient(ServerReflection, transport);
  const files = new Map<string, FileDescriptorProto>();
  const ask = async (messageRequest: Question) => {
    async function* requests(): AsyncGenerator<MessageInitShape<typeof ServerReflectionRequestSchema>> {
      yield { messageRequest };
    }
    for await (const { messageResponse } of client.serverReflectionInfo(requests(), { timeoutMs })) {
      if (messageResponse.case === "errorResponse") {
        throw new CliError(`reflection refused ${String(messageRequest.value)}: ${messageResponse.value.errorMessage}`);
      }
      if (messageResponse.case === "fileDescriptorResponse") {
        for (const bytes of messageResponse.value.fileDescriptorProto) {
          const file = fromBinary(FileDescriptorProtoSchema, bytes);
          files.set(file.name, file);
        }
      }
    }
  };
  await ask({ case: "fileContainingSymbol", value: typeName });
  for (;;) {
    const missing = [...files.values()].flatMap((file) => file.dependency).filter((name) => !files.has(name));
    if (missing.length === 0) {
      break;
    }
    for (const name of new Set(missing)) {
      await ask({ case: "fileByFilename", value: name });
      if (!files.has(name)) {
        throw new CliError(`the server's reflection does not give the file ${name}, which it imports`);
      }
    }
  }
  return createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
}

/** Files after everything they import, as a descriptor set wants them. */
function importsFirst(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Map<string, FileDescriptorProto>();
  const visiting = new Set<string>();
  const visit = (file: FileDescriptorProto): void => {
    if (visiting.has(file.name)) {
      return;
    }
    visiting.add(file.name);
    for (const name of file.dependency) {
      const imported = files.get(name);
      if (imported !== undefined) {
        visit(imported);
      }
    }
    ordered.set(file.name, file);
  };
  for (const file of files.values()) {
    visit(file);
  }
  return [...ordered.values()];
}
