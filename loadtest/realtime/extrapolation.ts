import type { Row } from "../report/rows.ts";

/*
 * What a run's figures would mean for many users: arithmetic on rows, no measurement. The assumptions are written down in
 * loadtest/README.md and stand here as numbers. The dearer cost of a delivery is taken, that of a message that comes alone:
 * users are spread over many channels, and few of their messages meet in one turn.
 */

interface Assumptions {
  /** Messages that a user is sent a second, on average over all who are connected. */
  readonly messagesPerUserPerSecond: number;
  /** Of a core that a gateway may use for deliveries, so that there is room for connecting, permissions and peaks. */
  readonly cpuShare: number;
  /** Kernel memory of an idle TCP connection, which no process shows (measured by Centrifugo's authors, 2026). */
  readonly kernelBytesPerConnection: number;
}

const assumed: Assumptions = { messagesPerUserPerSecond: 0.5, cpuShare: 0.5, kernelBytesPerConnection: 4096 };
const userCounts = [100_000, 500_000] as const;

/** One line for each count of users; none when the rows it takes were not measured. */
export function extrapolation(rows: readonly Row[], assumptions: Assumptions = assumed): readonly string[] {
  const perCpuSecond = rows.find(({ id }) => /^fan-out-\d+\/alone-cpu\/ws$/.test(id))?.ours ?? null;
  const resident = rows.find(({ id }) => id === "connections/held/rss")?.ours ?? null;
  if (perCpuSecond === null || resident === null) {
    return [];
  }
  const { messagesPerUserPerSecond, cpuShare, kernelBytesPerConnection } = assumptions;
  return userCounts.map((users) => {
    const deliveries = users * messagesPerUserPerSecond;
    const gateways = Math.ceil(deliveries / perCpuSecond / cpuShare);
    const gibibytes = (users * (resident + kernelBytesPerConnection)) / 2 ** 30;
    const words = [
      `${users.toLocaleString("en-US")} users with ${messagesPerUserPerSecond} messages a second each`,
      `${deliveries.toLocaleString("en-US")} deliveries a second`,
      `${gateways} gateway processes of one core at ${cpuShare * 100} %`,
      `${gibibytes.toFixed(1)} GiB for connections in all`,
    ];
    return `extrapolated, not measured: ${words.join(", ")}`;
  });
}
