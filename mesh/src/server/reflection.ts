import { createRegistry, type DescFile, type DescService, type Registry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";

/**
 * gRPC server reflection v1: `buf curl`, grpcurl and other tools learn from it what a server offers, and the command line
 * calls methods that it was not built with. Every answer holds the file asked for and all that it imports, so that one
 * question is enough.
 */
export function reflectionRoutes(services: readonly DescService[]): (router: ConnectRouter) => void {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile): void => {
    if (!files.has(file.proto.name)) {
      files.set(file.proto.name, file);
      file.dependencies.forEach(collect);
    }
  };
  for (const service of services) {
    collect(service.file);
  }
  const registry = createRegistry(...files.values());
  return (router) => {
    router.service(ServerReflection, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
        }
      },
    });
  };

  function answer(question: { case?: string | undefined; value?: unknown }): ReflectionAnswer {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: services.map((service) => ({ name: service.typeName })) },
        };
      case "fileByFilename":
        return fileAnswer(files.get(String(question.value)), `file ${String(question.value)}`);
      case "fileContainingSymbol":
        return fileAnswer(fileOfSymbol(registry, files, String(question.value)), `symbol ${String(question.value)}`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value as {
          containingType: string;
          extensionNumber: number;
        };
        const extension = registry.getExtensionFor(
          registry.getMessage(containingType) ?? unknownMessage,
          extensionNumber,
        );
        return fileAnswer(
          extension && files.get(extension.file.proto.name),
          `extension ${extensionNumber} of ${containingType}`,
        );
      }
      case "allExtensionNumbersOfType": {
        const type = String(question.value);
        const numbers = [...registry]
          .filter((desc) => desc.kind === "extension" && desc.extendee.typeName === type)
          .map((desc) => (desc.kind === "extension" ? desc.number : 0));
        return registry.getMessage(type) === undefined
          ? notFound(`message ${type}`)
          : { case: "allExtensionNumbersResponse", value: { baseTypeName: type, extensionNumber: numbers } };
      }
      default:
        return {
          case: "errorResponse",
          value: { errorCode: Code.InvalidArgument, errorMessage: "the request asks nothing" },
        };
    }
  }

  function fileAnswer(file: DescFile | undefined, what: string): ReflectionAnswer {
    if (file === undefined) {
      return notFound(what);
    }
    const closure = new Map<string, DescFile>();
    const visit = (one: DescFile): void => {
      if (!closure.has(one.proto.name)) {
        closure.set(one.proto.name, one);
        one.dependencies.forEach(visit);
      }
    };
    visit(file);
    return {
      case: "fileDescriptorResponse",
      value: {
        fileDescriptorProto: [...closure.values()].map((one) => toBinary(FileDescriptorProtoSchema, one.proto)),
      },
    };
  }
}

type ReflectionAnswer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

function notFound(what: string): ReflectionAnswer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `${what} is not known here` } };
}

/** Extensions of a message that is not there: none. */
const unknownMessage = FileDescriptorSetSchema;

/** A symbol is a message, enum, service or extension, or a method, field or value inside one. */
function fileOfSymbol(registry: Registry, files: ReadonlyMap<string, DescFile>, symbol: string): DescFile | undefined {
  for (let name = symbol; name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
    const desc = registry.get(name);
    if (desc !== undefined) {
      return files.get(desc.file.proto.name);
    }
  }
  return undefined;
}
