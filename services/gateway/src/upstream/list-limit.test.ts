import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { CreateProjectRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { describe, expect, it } from "vitest";
import { assertFewItems } from "./list-limit.ts";

const checkOf = (components: number, links: number) => {
  const architecture = { components: Array(components).fill({}), links: Array(links).fill({}) };
  const request = create(CreateProjectRequestSchema, { name: "x", architecture });
  return () => assertFewItems(CreateProjectRequestSchema, request);
};

describe("assertFewItems", () => {
  it.each([
    [0, 0],
    [500, 2000],
    [5200, 0],
  ])("lets %i components and %i links pass, which their own rules may still refuse", (components, links) => {
    expect(checkOf(components, links)).not.toThrow();
  });

  it.each([
    [5201, 0],
    [140_000, 0],
    [3000, 2201],
  ])("refuses %i components and %i links", (components, links) => {
    expect(checkOf(components, links)).toThrow(
      expect.objectContaining({ code: Code.InvalidArgument, rawMessage: expect.stringContaining("5200 items") }),
    );
  });
});
