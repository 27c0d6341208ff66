import type { Bottleneck } from "../bottlenecks.ts";
import { mean } from "./average-series.ts";
import type { BottleneckFinding } from "./study.ts";

/**
 * The bottlenecks that at least half of the replications found, most often found first, then as the replications rank
 * them. Numbers are means over the replications that found it. The sentence is that of the replication closest to the
 * mean utilization, since its numbers belong together, and says in how many replications it holds unless in all. Pure.
 */
export function mergeBottlenecks(runs: readonly (readonly Bottleneck[])[]): BottleneckFinding[] {
  const found = new Map<string, { readonly bottleneck: Bottleneck; readonly rank: number }[]>();
  for (const bottlenecks of runs) {
    for (const [rank, bottleneck] of bottlenecks.entries()) {
      found.set(bottleneck.component, [...(found.get(bottleneck.component) ?? []), { bottleneck, rank }]);
    }
  }
  return [...found.values()]
    .filter((findings) => findings.length * 2 >= runs.length)
    .sort((a, b) => b.length - a.length || mean(a.map(({ rank }) => rank)) - mean(b.map(({ rank }) => rank)))
    .map((findings) =>
      merge(
        findings.map(({ bottleneck }) => bottleneck),
        runs.length,
      ),
    );
}

function merge(findings: readonly Bottleneck[], runs: number): BottleneckFinding {
  const utilization = mean(findings.map((finding) => finding.utilization));
  const reason = mostFrequent(findings.map((finding) => finding.reason));
  const distance = (finding: Bottleneck) => Math.abs(finding.utilization - utilization);
  const typical = findings
    .filter((finding) => finding.reason === reason)
    .reduce((best, finding) => (distance(finding) < distance(best) ? finding : best));
  const often = findings.length === runs ? "" : ` (in ${findings.length} of ${runs} replications)`;
  return {
    component: typical.component,
    reason,
    message: `${typical.message}${often}`,
    utilization,
    headroom: mean(findings.map((finding) => finding.headroom)),
  };
}

/** The earliest of those that occur most often. */
function mostFrequent<T>(values: readonly T[]): T {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [most] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return most;
}
