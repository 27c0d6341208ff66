import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runBuf } from "./buf.ts";
import { commentsOf } from "./comments.ts";

const source = `syntax = "proto3";
package acme.v1;

// Detached: not of the message.

// A thing
// of two lines.
//
// - one
// - two
message Thing {
  string bare = 1;
  string after = 2; // Behind it.
  oneof which {
    // One way.
    string one = 3;
  }
  map<string, Inner> inners = 4;
  // Inside.
  message Inner {
    // Deep.
    Kind kind = 1;
  }
  enum Kind {
    // None.
    KIND_UNSPECIFIED = 0;
  }
}

// Serves.
service Things {
  // buf:lint:ignore RPC_REQUEST_STANDARD_NAME
  rpc Silent(Thing) returns (Thing);
  // Speaks.
  // buf:lint:ignore RPC_REQUEST_STANDARD_NAME
  rpc Speak(Thing) returns (Thing);
}
`;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-comments-"));
  await writeFile(join(folder, "thing.proto"), source);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("commentsOf gives every comment by the name of what it stands at, as prose", async () => {
  const output = join(folder, "set.binpb");
  expect(await runBuf(["build", "--as-file-descriptor-set", "--output", output], folder)).toMatchObject({
    exitCode: 0,
  });
  const set = await readFile(output);
  expect(commentsOf(set, "acme.")).toEqual({
    "acme.v1.Thing": "A thing of two lines.\n\n- one\n- two",
    "acme.v1.Thing.Inner": "Inside.",
    "acme.v1.Thing.Inner.kind": "Deep.",
    "acme.v1.Thing.Kind.KIND_UNSPECIFIED": "None.",
    "acme.v1.Thing.after": "Behind it.",
    "acme.v1.Thing.one": "One way.",
    "acme.v1.Things": "Serves.",
    "acme.v1.Things.Speak": "Speaks.",
  });
  expect(commentsOf(set, "other.")).toEqual({});
});
