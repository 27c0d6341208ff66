import { type ContenderId, contenderIds } from "../contenders/contender.ts";
import type { Phase, Profile } from "../profiles/profile.ts";
import { formatNumber } from "../report/table.ts";
import { measureEach, noteWrong, type Scenario } from "./scenario.ts";

/*
 * As many calls a second as one client process gets out of one server process, with a fixed number in flight. At 256 the
 * CPU of both sides is read as well: calls a second end where the busier side ends, CPU per call is what is paid.
 */

export interface UnaryOptions {
  readonly inFlight: number;
  readonly phase: (profile: Profile) => Phase;
  /** What is asked of the ratio, by peer; 1 is no demand worth stating, so those without are reported only. */
  readonly atLeast: Partial<Record<ContenderId, number>>;
  readonly cpu: boolean;
  readonly peers?: readonly ContenderId[];
}

const allPeers = contenderIds.filter((id) => id !== "weft");

export function createUnary(options: UnaryOptions): Scenario {
  const { inFlight, atLeast, peers = allPeers } = options;
  const id = `unary-${inFlight}`;
  const needs: readonly ContenderId[] = ["weft", ...peers];
  return {
    id,
    needs,
    once: false,
    measure: (context) =>
      measureEach(context, id, needs, async (pair) => {
        const { samples, round, profile } = context;
        const result = await pair.load({ kind: "closed-loop", inFlight, ...options.phase(profile), latency: false });
        noteWrong(samples, id, pair.contender, result);
        samples.add(id, pair.contender, round, result.callsPerSecond);
        if (options.cpu) {
          const { cpuMicrosPerCall, serverCpuMicrosPerCall } = result;
          samples.add("cpu-per-call", pair.contender, round, cpuMicrosPerCall + serverCpuMicrosPerCall);
          samples.add("cpu-per-call-client", pair.contender, round, cpuMicrosPerCall);
          samples.add("cpu-per-call-server", pair.contender, round, serverCpuMicrosPerCall);
        }
        return `${formatNumber(result.callsPerSecond)} calls/s`;
      }),
    rules: [
      ...peers.map((peer) => ({
        id: `${id}/${peer}`,
        what: `ValidateToken, ${inFlight} calls in flight`,
        series: id,
        unit: "calls/s",
        better: "more" as const,
        ours: "weft",
        peer,
        atLeast: atLeast[peer] ?? null,
      })),
      ...(options.cpu ? cpuRules(peers) : []),
    ],
    charts: [
      { series: id, title: `Unary calls per second, ${inFlight} in flight`, unit: "calls/s", better: "more" },
      ...(options.cpu
        ? [
            {
              series: "cpu-per-call",
              title: "CPU per call, client and server",
              unit: "µs",
              better: "less" as const,
            },
          ]
        : []),
    ],
  };
}

function cpuRules(peers: readonly ContenderId[]): Scenario["rules"] {
  const side = (series: string, what: string, some: readonly ContenderId[]): Scenario["rules"] =>
    some.map((peer) => ({
      id: `${series}/${peer}`,
      what,
      series,
      unit: "µs",
      better: "less",
      ours: "weft",
      peer,
      atLeast: null,
    }));
  return [
    ...side("cpu-per-call", "CPU of client and server per call, 256 in flight", peers),
    ...side("cpu-per-call-client", "CPU of the client per call, 256 in flight", ["grpc-js"]),
    ...side("cpu-per-call-server", "CPU of the server per call, 256 in flight", ["grpc-js"]),
  ];
}
