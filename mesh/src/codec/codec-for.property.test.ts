import { isDeepStrictEqual } from "node:util";
import { create, type DescFile, type DescMessage, type Message } from "@bufbuild/protobuf";
import {
  AnySchema,
  FieldMaskSchema,
  file_google_protobuf_wrappers,
  ListValueSchema,
  StructSchema,
  TimestampSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { file_weft_auth_v1_account } from "@weft/proto/weft/auth/v1/account_pb.ts";
import { file_weft_auth_v1_auth } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { file_weft_lane_v1_lane } from "@weft/proto/weft/lane/v1/lane_pb.ts";
import { file_weft_project_v1_architecture } from "@weft/proto/weft/project/v1/architecture_pb.ts";
import { file_weft_project_v1_project } from "@weft/proto/weft/project/v1/project_pb.ts";
import { file_weft_simulation_v1_simulation } from "@weft/proto/weft/simulation/v1/simulation_pb.ts";
import { file_weft_user_v1_user } from "@weft/proto/weft/user/v1/user_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { messageArbitrary } from "./testing/message-arbitrary.ts";
import { decoded, encoded, expected, expectedBytes, partOf, same } from "./testing/outcome.ts";
import { schema } from "./testing/schemas.ts";

const files: DescFile[] = [
  file_weft_auth_v1_account,
  file_weft_auth_v1_auth,
  file_weft_lane_v1_lane,
  file_weft_project_v1_architecture,
  file_weft_project_v1_project,
  file_weft_simulation_v1_simulation,
  file_weft_user_v1_user,
  file_google_protobuf_wrappers,
];

interface Subject {
  readonly desc: DescMessage;
  readonly runs: number;
}

const generated: Subject[] = [
  ...files.flatMap((file) => file.messages.map((desc) => ({ desc, runs: 15 }))),
  ...[AnySchema, FieldMaskSchema, ListValueSchema, StructSchema, TimestampSchema, ValueSchema].map((desc) => ({
    desc,
    runs: 50,
  })),
  { desc: schema("Every"), runs: 150 },
  { desc: schema("Shuffled"), runs: 150 },
];

// Without generated code, or with parts that have none.
const others: Subject[] = (["Holder", "WithJson", "Old", "Edition"] as const).map((name) => ({
  desc: schema(name),
  runs: 50,
}));

/** What a person would write to get this message: no type names, no unknown fields, nothing that is so by default. */
function initOf(desc: DescMessage, message: Message): Record<string, unknown> {
  const whole = message as unknown as Record<string, unknown>;
  const empty = create(desc) as unknown as Record<string, unknown>;
  const init: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(whole)) {
    const byDefault = isDeepStrictEqual(value, empty[name]) && !Object.is(value, -0);
    if (!name.startsWith("$") && !byDefault) {
      init[name] = withoutTypeNames(value);
    }
  }
  return init;
}

function withoutTypeNames(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutTypeNames);
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) {
    return value;
  }
  const entries = Object.entries(value).filter(([name]) => !name.startsWith("$"));
  return Object.fromEntries(entries.map(([name, inner]) => [name, withoutTypeNames(inner)]));
}

const named = (subjects: Subject[]) => subjects.map((subject) => ({ ...subject, name: subject.desc.typeName }));

describe("any message", () => {
  it.each(named([...generated, ...others]))("$name is encoded to the bytes of protobuf-es", ({ desc, runs }) => {
    fc.assert(
      fc.property(messageArbitrary(desc), fc.integer({ min: 1, max: 300 }), (message, initialBytes) =>
        same(encoded(desc, message, initialBytes), expectedBytes(desc, message)),
      ),
      { numRuns: runs },
    );
  });

  it.each(named([...generated, ...others]))("$name is encoded from what it can be made of", ({ desc, runs }) => {
    fc.assert(
      fc.property(messageArbitrary(desc), (message) => {
        const init = initOf(desc, message);
        return same(encoded(desc, init as unknown as Message, 1), expectedBytes(desc, create(desc, init)));
      }),
      { numRuns: runs },
    );
  });

  it.each(named([...generated, ...others]))("$name is decoded to the message of protobuf-es", ({ desc, runs }) => {
    fc.assert(
      fc.property(messageArbitrary(desc), (message) => {
        const { value } = expectedBytes(desc, message);
        const bytes = value as Uint8Array;
        const ours = decoded(desc, bytes);
        const theirs = expected(desc, bytes);
        expect(Object.keys(ours.value as object)).toEqual(Object.keys(theirs.value as object));
        return same(ours, theirs);
      }),
      { numRuns: runs },
    );
  });

  it.each(named(generated))("$name does not need protobuf-es", ({ desc, runs }) => {
    const part = partOf(desc);
    fc.assert(
      fc.property(messageArbitrary(desc), (message) => {
        const writer = new ByteWriter(1);
        const end = part.write(message, writer, 0);
        // U+FFFD is looked at twice, see readText.
        if (!writer.bytes.includes("\uFFFD")) {
          part.read(writer.bytes, 0, end, 1);
        }
      }),
      { numRuns: runs },
    );
  });
});
