import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import type { Empty } from "@bufbuild/protobuf/wkt";
import { ProjectSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../codec/byte-writer.ts";
import { codecFor } from "../codec/codec-for.ts";
import { messageArbitrary } from "../codec/testing/message-arbitrary.ts";
import { opaqueHandlerOf, opaqueMethod, opaqueRoute } from "./opaque-route.ts";

describe("an opaque method", () => {
  const { input, output, name, parent, idempotency } = opaqueMethod(ProjectService.method.getProject);

  it("is called as the method is", () => {
    expect([parent.typeName, name, idempotency]).toEqual([
      "weft.project.v1.ProjectService",
      "GetProject",
      ProjectService.method.getProject.idempotency,
    ]);
  });

  it("carries messages to the byte, in both directions", () => {
    fc.assert(
      fc.property(messageArbitrary(ProjectSchema), (message) => {
        const bytes = toBinary(ProjectSchema as DescMessage, message);
        for (const desc of [input, output]) {
          const writer = new ByteWriter();
          codecFor(desc).encode(codecFor(desc).decode(bytes, 0, bytes.length), writer);
          expect(Buffer.compare(writer.bytes.subarray(0, writer.position), bytes)).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the options of a route", () => {
  it("have the opaque handler where one was given", () => {
    const handler = async (message: Empty) => message;
    expect(opaqueHandlerOf({ ...opaqueRoute(handler) })).toBe(handler);
    expect(opaqueHandlerOf({})).toBeUndefined();
    expect(opaqueHandlerOf(undefined)).toBeUndefined();
  });
});
