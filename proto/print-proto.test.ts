import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runBuf } from "./buf.ts";
import { printProto } from "./print-proto.ts";

const proto2Source = `
syntax = "proto2";
package shapes.v1;
import public "google/protobuf/timestamp.proto";
enum Color {
  option allow_alias = true;
  RED = 0;
  CRIMSON = 0;
  OLD = 5 [deprecated = true];
  NEGATIVE = -4;
  reserved 7, 9 to 11, 100 to max;
  reserved "BLUE";
}
message Shape {
  message Corner {
    enum Kind { SHARP = 0; ROUND = 1; }
    required double x = 1;
    optional Kind kind = 2 [default = ROUND];
    extensions 10 to 20;
    extensions 1000 to max;
    extend Corner { optional string note = 11; }
  }
  oneof size {
    int32 width = 1;
    Corner corner = 2;
  }
  repeated sint64 weights = 3 [packed = true];
  optional string title = 4 [default = "a \\"quoted\\"\\n\\\\ caf\\303\\251", json_name = "heading"];
  optional bytes blob = 5 [default = "\\001\\xff\\"x"];
  optional float ratio = 6 [default = inf];
  optional bool on = 7 [default = true];
  map<string, Corner> corners = 8;
  optional int32 no_1_digit__twice = 9;
  optional fixed32 zero = 10 [default = 0];
  reserved 20, 30 to 40, 100000 to max;
  reserved "gone", "lost";
}
extend Shape.Corner { repeated Color palette = 1001; optional google.protobuf.Timestamp seen = 1002; }
`;

const proto3Source = `
syntax = "proto3";
package shapes.v2;
message Empty {}
message Shape {
  optional string name = 1;
  string plain = 2;
  oneof kind { int64 a = 3; bytes b = 4; }
  repeated Empty nothing = 5;
  optional int32 count = 6;
  repeated uint32 loose = 7 [packed = false];
}
service Shapes {
  rpc Get(Empty) returns (Shape) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Watch(stream Shape) returns (stream Empty);
}
`;

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-print-proto-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function compile(path: string, source: string): Promise<FileDescriptorProto> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), source);
  const image = join(folder, "image.binpb");
  const result = await runBuf(["build", "--as-file-descriptor-set", "--exclude-source-info", "-o", image], folder);
  expect(result.output).toBe("");
  const set = fromBinary(FileDescriptorSetSchema, await readFile(image));
  const file = set.file.find((candidate) => candidate.name === path);
  expect(file, `${path} in the compiled set`).toBeDefined();
  return file as FileDescriptorProto;
}

/** Plain JSON of a descriptor, without options when asked and without the JSON names a compiler fills in. */
function plain(file: FileDescriptorProto, { withOptions }: { withOptions: boolean }): unknown {
  const dropped = new Set(withOptions ? ["syntax"] : ["syntax", "options", "jsonName"]);
  const json = JSON.stringify(toJson(FileDescriptorProtoSchema, file), (key, value) =>
    dropped.has(key) ? undefined : value,
  );
  return JSON.parse(json);
}

describe("printProto", () => {
  it.each([
    ["proto2", "shapes/v1/shape.proto", proto2Source],
    ["proto3", "shapes/v2/shape.proto", proto3Source],
  ])("prints %s that compiles to the descriptor it was printed from", async (_, path, source) => {
    const original = await compile(path, source);
    const printed = await compile(path, printProto(original));
    expect(plain(printed, { withOptions: true })).toEqual(plain(original, { withOptions: true }));
  });

  it("prints buf/validate/validate.proto so that it compiles to the original, options apart", async () => {
    const original = file_buf_validate_validate.proto;
    const printed = await compile(original.name, printProto(original));
    expect(printed.messageType.length).toBeGreaterThan(20);
    expect(plain(printed, { withOptions: false })).toEqual(plain(original, { withOptions: false }));
  });

  it("refuses editions by name", () => {
    const file = create(FileDescriptorProtoSchema, { name: "a.proto", syntax: "editions" });
    expect(() => printProto(file)).toThrow('a.proto: syntax "editions" cannot be printed');
  });
});
