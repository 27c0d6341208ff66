import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import { GetProjectRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

let harness: GatewayHarness;

beforeAll(async () => {
  harness = await startGateway({
    routes: (router) => {
      router.service(ProjectService, {
        getProject: () => {
          throw new Error("of our own making");
        },
      });
    },
  });
});
afterAll(() => harness.stop());

const path = "/weft.project.v1.ProjectService/GetProject";
const good = toBinary(GetProjectRequestSchema, create(GetProjectRequestSchema, { id: "p" }));
const framed = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);

/** The error that a call is answered with, in whichever protocol it was made. */
async function errorOf(contentType: string, body: Uint8Array | string): Promise<ConnectError> {
  const headers = { authorization: "Bearer alice", "content-type": contentType };
  const response = await fetch(`${harness.url}${path}`, { method: "POST", headers, body: Buffer.from(body) });
  return decoded(response);
}

async function decoded(response: Response): Promise<ConnectError> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.headers.get("content-type")?.startsWith("application/grpc-web") === true) {
    return findTrailerError(trailerParse(bytes.subarray(5))) as ConnectError;
  }
  const error = errorFromJsonBytes(bytes, undefined, new ConnectError("no error", Code.Unknown));
  expect(response.status).toBe(error.code === Code.InvalidArgument ? 400 : 500);
  return error;
}

describe("a message that cannot be read", () => {
  it.each([
    ["a tag that there is not", "application/proto", Buffer.from([0x0f])],
    ["a text that ends too soon", "application/proto", Buffer.from([0x0a, 0x09, 0x41])],
    ["a number without end", "application/proto", Buffer.alloc(12, 0xff)],
    ["groups without end", "application/proto", Buffer.alloc(100_000, 0x0b)],
    ["a tag that there is not, enveloped", "application/grpc-web+proto", framed(0x0f)],
    ["an envelope that promises more", "application/grpc-web+proto", Buffer.from([0, 0, 0, 0, 9, 1])],
    ["an envelope cut off", "application/grpc-web", Buffer.from([0, 0])],
    ["an envelope that claims to be compressed", "application/grpc-web+proto", Buffer.from([1, 0, 0, 0, 0])],
  ])("is the client's fault: %s", async (_, contentType, body) => {
    const error = await errorOf(contentType, body);
    expect({ code: error.code, message: error.rawMessage }).toEqual({
      code: Code.InvalidArgument,
      message: expect.stringMatching(/GetProjectRequest|not one uncompressed message|incomplete envelope/),
    });
    expect(harness.calls).toEqual([]);
  });

  it.each([
    ["no base64", "encoding=proto&base64=1&message=****"],
    ["no base64 of JSON", "encoding=json&base64=1&message=****"],
    ["no protobuf", `encoding=proto&base64=1&message=${Buffer.from([0x0f]).toString("base64url")}`],
  ])("is the client's fault in a query: %s", async (_, query) => {
    const headers = { authorization: "Bearer alice" };
    const error = await decoded(await fetch(`${harness.url}${path}?connect=v1&${query}`, { headers }));
    expect(error.code).toBe(Code.InvalidArgument);
  });

  it.each([
    ["application/proto", good],
    ["application/json", '{"id":"p"}'],
    ["application/grpc-web+proto", framed(...good)],
    ["application/grpc-web+json", framed(...Buffer.from('{"id":"p"}'))],
  ])("is not what failed when the service did: %s", async (contentType, body) => {
    expect((await errorOf(contentType, body)).code).toBe(Code.Internal);
    harness.calls.length = 0;
  });
});
