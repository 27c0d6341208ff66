import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { ValidateTokenResponseSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { ProjectSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, seededRandom, systemRandom } from "../random.ts";
import { messageArbitrary } from "./testing/message-arbitrary.ts";
import { decoded, encoded, expected, expectedBytes, same } from "./testing/outcome.ts";
import { schema } from "./testing/schemas.ts";

/** `WEFT_FUZZ_RUNS=1000000` for a long run. `WEFT_FUZZ_SEED` repeats a run that failed. */
const runs = Number(process.env.WEFT_FUZZ_RUNS ?? 20_000);
const seed = Number(process.env.WEFT_FUZZ_SEED ?? Math.floor(systemRandom.next() * 2 ** 31));
const timeoutMs = 30_000 + runs;

const subjects: DescMessage[] = [
  ValidateTokenResponseSchema,
  ProjectSchema,
  StructSchema,
  schema("Every"),
  schema("Shuffled"),
  schema("Holder"),
];

const samples = new Map(
  subjects.map((desc) => [desc, fc.sample(messageArbitrary(desc), { numRuns: 60, seed }).filter(isWritable(desc))]),
);

function isWritable(desc: DescMessage) {
  return (message: Message) => toBinary(desc, message).length < 2000;
}

/** Bytes that begin as a valid message and are then damaged in one to four places; or two messages; or no message. */
function damaged(desc: DescMessage, random: Random): Uint8Array {
  const below = (limit: number) => Math.floor(random.next() * limit);
  const messages = samples.get(desc) as Message[];
  const sample = () => [...toBinary(desc, messages[below(messages.length)] as Message)];
  const bytes = below(20) === 0 ? Array.from({ length: below(60) }, () => below(256)) : sample();
  if (below(8) === 0) {
    bytes.push(...sample());
  }
  for (let damage = below(5); damage > 0; damage -= 1) {
    const at = below(bytes.length + 1);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = ((bytes[at] ?? 0) ^ (1 << below(8))) & 255;
        break;
      case 2:
        bytes.splice(at, below(4));
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length: below(4) }, () => [0, 127, 128, 255][below(4)] as number));
        break;
      case 4:
        bytes.length = at;
        break;
      default:
        bytes.splice(at, 0, ...bytes.slice(at, at + below(20)));
    }
  }
  return Uint8Array.from(bytes);
}

/** What finds its way into a message when types are ignored. */
const wrongValues: unknown[] = [
  // Not `undefined`: a field that is not there is not written, where protobuf-es refuses messages that are not whole.
  ...[null, true, "", "5", "text", "\uD800", 0, -0, 1.5, -1, 2 ** 31, 2 ** 32, 2 ** 53, Number.NaN],
  ...[1e39, 0n, -1n, 2n ** 63n, 2n ** 64n, {}, [], [undefined], ["a", 1], [1.5], new Uint8Array(2), { "1": 1, a: 2 }],
  ...[{ case: "selfChoice", value: undefined }, { case: "nope", value: 1 }, { $typeName: "google.protobuf.Empty" }],
  ...[[{ no: 1, wireType: 0, data: [1] }], [{}], Symbol("s"), () => 1],
];

/** A copy in which up to three properties, anywhere, have values that do not belong there. */
function spoiled(message: Message, random: Random): Message {
  const below = (limit: number) => Math.floor(random.next() * limit);
  const copy = structuredClone(message) as unknown as Record<string, unknown>;
  for (let count = 1 + below(3); count > 0; count -= 1) {
    let target = copy;
    for (let depth = below(4); depth > 0; depth -= 1) {
      const inner = Object.values(target).filter((value) => typeof value === "object" && value !== null);
      target = (inner[below(inner.length)] as Record<string, unknown> | undefined) ?? target;
    }
    const keys = [...Object.keys(target), "$unknown"];
    if (!(target instanceof Uint8Array)) {
      target[keys[below(keys.length)] as string] = wrongValues[below(wrongValues.length)];
    }
  }
  return copy as unknown as Message;
}

describe(`fuzzing, seed ${seed}`, () => {
  it(
    "damaged bytes are refused by both, or are the same message for both",
    () => {
      const random = seededRandom(seed);
      let refused = 0;
      for (let run = 0; run < runs; run += 1) {
        const desc = subjects[run % subjects.length] as DescMessage;
        const bytes = damaged(desc, random);
        const theirs = expected(desc, bytes);
        const ours = decoded(desc, bytes);
        if (!same(ours, theirs)) {
          expect({ desc: desc.typeName, bytes: Buffer.from(bytes).toString("hex"), ...ours }).toStrictEqual(theirs);
        }
        refused += theirs.error === undefined ? 0 : 1;
      }
      // Otherwise the damage is too small or too large to find anything.
      expect(refused).toBeGreaterThan(runs / 5);
      expect(refused).toBeLessThan(runs * 0.8);
    },
    timeoutMs,
  );

  it(
    "messages with wrong values are refused by both, or are the same bytes for both",
    () => {
      const random = seededRandom(seed + 1);
      let refused = 0;
      for (let run = 0; run < runs / 4; run += 1) {
        const desc = subjects[run % subjects.length] as DescMessage;
        const messages = samples.get(desc) as Message[];
        const message = spoiled(messages[run % messages.length] as Message, random);
        const theirs = expectedBytes(desc, message);
        const ours = encoded(desc, message);
        // An object without a type name is taken for what a message can be made of; protobuf-es wants it made first.
        const nameless = /with message undefined$/.test(theirs.error ?? "");
        if (!nameless && !same(ours, theirs)) {
          expect({ desc: desc.typeName, message, ...ours }).toStrictEqual(theirs);
        }
        refused += theirs.error === undefined ? 0 : 1;
      }
      expect(refused).toBeGreaterThan(runs / 40);
    },
    timeoutMs,
  );
});
