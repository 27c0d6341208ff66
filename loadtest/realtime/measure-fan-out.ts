import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import { orderOfRound } from "../rounds.ts";
import { Audience, type FanOutFigures } from "./audience.ts";
import type { LiveServer } from "./live-servers.ts";
import { labels, type Measuring, type RealtimeProfile } from "./measuring.ts";

/*
 * One channel, many clients. First as many messages as arrive, which asks what a delivery costs a server that has work to
 * do; then at one rate for all, half of what the slowest of them can, which asks how late messages are when nobody is at
 * their end, and what one costs that comes alone. CPU is of the server's process; ours gets its messages over Redis, the
 * others make them themselves.
 */

const asked = { cpu: 8 } as const;
const peers = ["socket.io", "ws"] as const;

export async function measureFanOut(measuring: Measuring, servers: readonly LiveServer[]): Promise<void> {
  const { profile, samples, folder, say } = measuring;
  const audiences = servers.map((server) => new Audience(server, folder, `${server.id}-fan-out`));
  try {
    for (const clients of profile.audiences) {
      let slowest = Number.POSITIVE_INFINITY;
      for (const audience of audiences) {
        await audience.open(clients - audience.clients);
        await audience.subscribe();
        // The first time is for warming up.
        await audience.saturate(profile.measureMs / 2);
        const { deliveriesPerSecond } = await audience.saturate(profile.measureMs / 2);
        slowest = Math.min(slowest, deliveriesPerSecond);
      }
      const rate = { messagesPerSecond: slowest / 2 / clients, messagesPerFrame: 1 };
      say(`${clients} clients: at one rate is ${formatNumber(rate.messagesPerSecond)} messages a second to each`);
      for (let round = 0; round < profile.rounds; round += 1) {
        for (const audience of orderOfRound(audiences, round)) {
          const who = audience.server.id;
          try {
            const full = await audience.saturate(profile.measureMs);
            const paced = await audience.pace(rate, profile.pacedMs);
            record(measuring, clients, who, round, full, paced);
          } catch (error) {
            samples.fail(`fan-out-${clients}/cpu`, who, String(error));
            say(`${clients} clients of ${labels[who]} failed: ${String(error)}`);
          }
        }
      }
    }
  } finally {
    for (const audience of audiences) {
      await audience.close();
    }
  }
}

function record(
  { samples, profile, say }: Measuring,
  clients: number,
  who: string,
  round: number,
  full: FanOutFigures,
  paced: FanOutFigures,
): void {
  const series = `fan-out-${clients}`;
  samples.add(`${series}/cpu`, who, round, full.deliveriesPerCpuSecond);
  samples.add(`${series}/rate`, who, round, full.deliveriesPerSecond);
  samples.add(`${series}/alone-cpu`, who, round, paced.deliveriesPerCpuSecond);
  samples.add(`${series}/p99`, who, round, paced.p99Ms);
  say(
    `round ${round + 1}/${profile.rounds}  ${clients} clients, ${labels[who]}: ` +
      `${formatNumber(full.deliveriesPerSecond)} deliveries/s, ${formatNumber(full.deliveriesPerCpuSecond)} per CPU second; ` +
      `at one rate ${formatNumber(paced.deliveriesPerCpuSecond)} per CPU second, p99 ${paced.p99Ms.toFixed(2)} ms`,
  );
}

export function fanOutRules({ audiences }: RealtimeProfile): readonly RowRule[] {
  return audiences.flatMap((clients) =>
    peers.flatMap((peer): RowRule[] => {
      const series = `fan-out-${clients}`;
      const shared = { ours: "weft", peer, peerName: labels[peer] ?? peer, atLeast: null };
      const to = `to ${clients} clients of one channel`;
      const more = { unit: "deliveries/s", better: "more" } as const;
      const perCpu = { unit: "deliveries/CPU s", better: "more" } as const;
      return [
        {
          ...{ ...shared, ...perCpu, id: `${series}/cpu/${peer}`, series: `${series}/cpu` },
          what: `deliveries ${to} per CPU second of the server, as many messages as arrive`,
          atLeast: peer === "socket.io" ? asked.cpu : null,
        },
        {
          ...{ ...shared, ...more, id: `${series}/rate/${peer}`, series: `${series}/rate` },
          what: `deliveries ${to} a second, with all processes on this machine`,
        },
        {
          ...{ ...shared, ...perCpu, id: `${series}/alone-cpu/${peer}`, series: `${series}/alone-cpu` },
          what: `deliveries ${to} per CPU second, at one rate for all at which most messages come alone`,
        },
        {
          ...{ ...shared, id: `${series}/p99/${peer}`, series: `${series}/p99`, unit: "ms", better: "less" },
          what: `p99 of deliveries ${to} from when each was due, at one rate for all`,
        },
      ];
    }),
  );
}
