import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { ValidateTokenRequestSchema, ValidateTokenResponseSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { ProjectSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ByteWriter } from "../src/codec/byte-writer.ts";
import { codecFor } from "../src/codec/codec-for.ts";

/*
 * What encoding and decoding one message costs: generated codecs against protobuf-es, in nanoseconds. Rounds are
 * interleaved; medians are printed. Texts differ from message to message, as they do in calls, so that no cache helps.
 *
 *   node mesh/bench/codec.ts [--quick] [--json]
 */
const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "boolean" } } });
const rounds = options.quick === true ? 7 : 25;
const variants = 64;

interface Row {
  readonly id: string;
  readonly what: string;
  readonly ours: number;
  readonly peer: number;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A text as a token has it; another one for every seed. */
function text(length: number, seed: number): string {
  let result = "";
  for (let i = 0; i < length; i += 1) {
    result += alphabet[(seed * 31 + i * 7 + ((seed + i) % 11)) % alphabet.length];
  }
  // Through a buffer, so that it is one flat string, as one that came from the network.
  return Buffer.from(result).toString("latin1");
}

const subjects: { name: string; desc: DescMessage; of: (seed: number) => Message; count: number }[] = [
  {
    name: "ValidateTokenRequest",
    desc: ValidateTokenRequestSchema,
    of: (seed) => create(ValidateTokenRequestSchema, { token: text(180, seed) }),
    count: 100_000,
  },
  {
    name: "ValidateTokenResponse",
    desc: ValidateTokenResponseSchema,
    of: (seed) =>
      create(ValidateTokenResponseSchema, {
        valid: true,
        principal: { userId: text(12, seed), username: text(8, seed), roles: [text(5, seed), text(6, seed)] },
      }),
    count: 100_000,
  },
  {
    name: "ValidateTokenResponse, full",
    desc: ValidateTokenResponseSchema,
    of: (seed) =>
      create(ValidateTokenResponseSchema, {
        valid: true,
        principal: {
          userId: text(36, seed),
          username: text(8, seed),
          sessionId: text(36, seed + 1),
          roles: [text(5, seed)],
          expiresAt: { seconds: BigInt(1_790_000_000 + seed) },
        },
      }),
    count: 50_000,
  },
  { name: "Project", desc: ProjectSchema, of: project, count: 2000 },
];

/** 12 components and 20 links: about what the templates have. */
function project(seed: number): Message {
  return create(ProjectSchema, {
    id: text(36, seed),
    name: text(20, seed),
    description: text(120, seed),
    version: 7,
    ownerId: text(36, seed),
    role: "owner",
    createdAt: { seconds: BigInt(1_790_000_000 + seed), nanos: 123_000_000 },
    updatedAt: { seconds: BigInt(1_790_000_100 + seed), nanos: 456_000_000 },
    architecture: {
      components: Array.from({ length: 12 }, (_, index) => ({
        id: text(9, seed + index),
        name: text(14, seed + index),
        kind: "service",
        instances: 3,
        concurrency: 200,
        serviceTime: { kind: "exponential", meanMs: 12.5 + index },
        errorRatio: 0.001,
      })),
      links: Array.from({ length: 20 }, (_, index) => ({
        id: text(12, seed + index),
        from: text(9, seed + index),
        to: text(9, seed + index + 1),
        latency: { kind: "gamma", meanMs: 0.5, cv: 1 },
        timeoutMs: 1000,
        retries: 2,
      })),
      workloads: [{ id: "users", component: text(9, seed), kind: "poisson", ratePerSecond: 250 }],
    },
  });
}

function nsPerMessage(run: (index: number) => number, count: number): number {
  let used = 0;
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < count; i += 1) {
    used += run(i & (variants - 1));
  }
  const ns = Number(process.hrtime.bigint() - startedAt) / count;
  if (used < 0) {
    throw new Error("never: keeps the results in use");
  }
  return ns;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function measure(subject: (typeof subjects)[number]): Row[] {
  const { desc, name, count } = subject;
  const codec = codecFor(desc);
  const writer = new ByteWriter(1 << 20);
  const messages = Array.from({ length: variants }, (_, seed) => subject.of(seed));
  const encoded = messages.map((message) => toBinary(desc, message));
  // One behind the other in one buffer, as the network delivers them.
  const received = Buffer.concat(encoded);
  const ends: number[] = [];
  for (const bytes of encoded) {
    ends.push((ends.at(-1) ?? 0) + bytes.length);
  }
  const starts = ends.map((end, index) => end - (encoded[index] as Uint8Array).length);
  const runs = {
    encodeOurs: (index: number) => {
      if (index === 0) {
        writer.position = 0;
      }
      return codec.encode(messages[index] as Message, writer);
    },
    encodePeer: (index: number) => toBinary(desc, messages[index] as Message).length,
    decodeOurs: (index: number) =>
      codec.decode(received, starts[index] as number, ends[index] as number).$typeName.length,
    decodePeer: (index: number) =>
      fromBinary(desc, received.subarray(starts[index] as number, ends[index] as number)).$typeName.length,
  };
  const times = Object.entries(runs).map(([key, run]) => ({ key, run, ns: [] as number[] }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { run, ns } of times) {
      const took = nsPerMessage(run, count);
      // The first round is for the compiler.
      if (round > 0) {
        ns.push(took);
      }
    }
  }
  const [encodeOurs, encodePeer, decodeOurs, decodePeer] = times.map(({ ns }) => median(ns)) as [
    number,
    number,
    number,
    number,
  ];
  const what = `${name}, ${Math.round(received.length / variants)} bytes`;
  return [
    { id: `encode ${name}`, what: `encode ${what}`, ours: encodeOurs, peer: encodePeer },
    { id: `decode ${name}`, what: `decode ${what}`, ours: decodeOurs, peer: decodePeer },
  ];
}

const rows = subjects.flatMap(measure).map((row) => ({
  ...row,
  peerName: "protobuf-es",
  unit: "ns",
  ratio: row.peer / row.ours,
  atLeast: 2,
  ok: row.peer >= row.ours * 2,
}));

if (options.json === true) {
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: availableParallelism() };
  console.log(JSON.stringify({ machine, rows }));
} else {
  for (const { what, ours, peer, ratio } of rows) {
    console.log(
      `${what.padEnd(50)} ${ours.toFixed(0).padStart(7)} ns  protobuf-es ${peer.toFixed(0).padStart(7)} ns  ${ratio.toFixed(1).padStart(5)}×`,
    );
  }
}
process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
