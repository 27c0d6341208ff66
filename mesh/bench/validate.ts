import { parseArgs } from "node:util";
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { CheckPermissionRequestSchema, ValidateTokenRequestSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import {
  CreateProjectRequestSchema,
  GetProjectRequestSchema,
  ListProjectsRequestSchema,
} from "@weft/proto/weft/project/v1/project_pb.ts";
import { GetUsersByIdsRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { assertStorableText } from "../src/server/storable-text.ts";
import { messageValidator } from "../src/server/validate.ts";

/*
 * What a request pays to be checked before its handler: the generated quick check against protovalidate and the walk for
 * storable text, which it stands in for. 64 messages of each type, so that no text is known to the engine beforehand.
 * Rounds are interleaved; medians are printed.
 *
 *   node mesh/bench/validate.ts [--quick] [--json]
 */
const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "boolean" } } });
const rounds = options.quick === true ? 5 : 15;
const checks = 640_000;

interface Case {
  readonly id: string;
  readonly desc: DescMessage;
  readonly messages: readonly Message[];
  readonly atLeast: number;
  /** Fewer rounds for bigger messages. */
  readonly share: number;
}

function of(
  desc: DescMessage,
  what: string,
  atLeast: number,
  share: number,
  init: (n: number) => Record<string, unknown>,
): Case {
  const messages = Array.from({ length: 64 }, (_, n) => create(desc, init(n)));
  return { id: `${desc.name}${what}`, desc, messages, atLeast, share };
}

/** As texts come from the network: made from bytes. */
const text = (length: number, n: number): string => Buffer.alloc(length, `${n}abcdefghijklmnop`).toString("latin1");
const component = (n: number) => ({
  ...{ id: `part-${n}`, name: `Part ${n}`, kind: "service", instances: 3, errorRatio: 0.01 },
  serviceTime: { kind: "exponential", meanMs: 5 },
});
const link = (n: number) => ({ from: `part-${n}`, to: `part-${n + 1}`, timeoutMs: 500, retries: 1 });
const numbers = Array.from({ length: 50 }, (_, n) => n);

const cases = [
  of(ValidateTokenRequestSchema, "", 10, 1, (n) => ({ token: text(180, n) })),
  of(ValidateTokenRequestSchema, " not ASCII", 3, 1, (n) => ({ token: `€${text(179, n)}` })),
  of(CheckPermissionRequestSchema, "", 10, 1, (n) => ({
    ...{ userId: text(36, n), permission: "project.read", resource: `project:${text(36, n)}` },
  })),
  of(GetProjectRequestSchema, "", 10, 1, (n) => ({ id: text(36, n) })),
  of(ListProjectsRequestSchema, "", 10, 1, (n) => ({ pageSize: n, pageToken: "" })),
  of(GetUsersByIdsRequestSchema, " of 50", 10, 0.1, (n) => ({ userIds: numbers.map((at) => text(36, n + at)) })),
  of(CreateProjectRequestSchema, " of 50 parts", 10, 0.02, (n) => ({
    ...{ name: text(20, n), architecture: { components: numbers.map(component), links: numbers.map(link) } },
  })),
];

const validator = createValidator();
let refused = 0;

function nsPerCheck(messages: readonly Message[], count: number, check: (message: Message) => void): number {
  const startedAt = process.hrtime.bigint();
  for (let at = 0; at < count; at += 1) {
    check(messages[at & 63] as Message);
  }
  return Number(process.hrtime.bigint() - startedAt) / count;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const rows = cases.map(({ id, desc, messages, atLeast, share }) => {
  const quick = messageValidator(desc) as (message: Message) => void;
  const full = (message: Message) => {
    assertStorableText(desc, message);
    refused += validator.validate(desc, message).kind === "valid" ? 0 : 1;
  };
  const [ours, peers]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const measured = [
      nsPerCheck(messages, checks * share, quick),
      nsPerCheck(messages, (checks * share) / 20, full),
    ] as const;
    // The first round is for the compiler.
    if (round > 0) {
      ours.push(measured[0]);
      peers.push(measured[1]);
    }
  }
  const [our, peer] = [median(ours), median(peers)];
  const ratio = peer / our;
  return {
    ...{ id, what: id, ours: our, peer, peerName: "protovalidate", unit: "ns" },
    ...{ ratio, atLeast, ok: ratio >= atLeast && refused === 0 },
  };
});

if (options.json === true) {
  const machine = { node: process.version, platform: process.platform, arch: process.arch };
  process.stdout.write(`${JSON.stringify({ machine, rows })}\n`);
} else {
  for (const { what, ours, unit, peer, ratio } of rows) {
    const against = `  protovalidate ${peer.toFixed(0)} ${unit}  ${ratio.toFixed(0)}×`;
    process.stdout.write(`${what.padEnd(40)} ${ours.toFixed(1)} ${unit}${against}\n`);
  }
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
