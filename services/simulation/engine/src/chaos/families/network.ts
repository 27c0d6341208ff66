/** Faults between components: delays, losses, cuts. */
import type { Distribution, Link } from "../../architecture.ts";
import { distributionIssues } from "../../check-distribution.ts";
import { endOf, type FaultFamily, ramped, shareRule } from "../family.ts";
import type { LatencyFault, PacketLossFault, PartitionFault } from "../fault.ts";
import { bandwidthOf, cutOf, delayOf, lossOf } from "../settings.ts";

const longestDelayMs = 600_000;

export const latency: FaultFamily<LatencyFault> = {
  kind: "latency",
  title: "Latency",
  targets: ["link"],
  hasRamp: true,
  numbers: { share: { ...shareRule, isAbove: true } },
  others: ["extra"],
  check: ({ extra }) => {
    if (typeof extra !== "object" || extra === null) {
      return [
        {
          field: "extra",
          message: `extra is ${extra}; allowed is a distribution such as {kind: "constant", meanMs: 100, cv: 0}`,
        },
      ];
    }
    return distributionIssues(extra, "extra", longestDelayMs);
  },
  plan: (fault, { links }, planner) => {
    const steps = ramped(fault, (part) => ({ extra: scaled(fault.extra, part), share: fault.share ?? 1 }));
    for (const link of links) planner.hold(delayOf(link), steps, endOf(fault));
  },
};

function scaled(given: Distribution, part: number): Distribution {
  if (part === 1) return given;
  return {
    ...given,
    meanMs: given.meanMs * part,
    ...(given.maxMs === undefined ? {} : { maxMs: given.maxMs * part }),
    ...(given.points === undefined
      ? {}
      : { points: given.points.map(({ upToMs, weight }) => ({ upToMs: upToMs * part, weight })) }),
  };
}

export const partition: FaultFamily<PartitionFault> = {
  kind: "partition",
  title: "Partition",
  targets: ["link"],
  numbers: {},
  choices: { how: ["silent", "reset"], direction: ["one_way", "both"] },
  plan: (fault, { links }, planner, architecture) => {
    const opposite = (link: Link) => architecture.links.filter(({ from, to }) => from === link.to && to === link.from);
    const cut = fault.direction === "both" ? [...links, ...links.flatMap(opposite)] : links;
    for (const link of new Set(cut)) {
      planner.hold(cutOf(link), [{ atMs: fault.startMs, value: fault.how ?? "silent" }], endOf(fault));
    }
  },
};

export const packetLoss: FaultFamily<PacketLossFault> = {
  kind: "packet_loss",
  title: "Packet loss",
  targets: ["link"],
  hasRamp: true,
  numbers: {
    ratio: { ...shareRule, isRequired: true },
    retransmitMs: { minimum: 0, maximum: 86_400_000, isAbove: true },
    bandwidth: { minimum: 0.001, maximum: 1 },
  },
  plan: (fault, { links }, planner) => {
    const { ratio, retransmitMs, bandwidth = 1 } = fault;
    for (const link of links) {
      planner.hold(
        lossOf(link),
        ramped(fault, (part) => ({ ratio: ratio * part, retransmitMs })),
        endOf(fault),
      );
      if (bandwidth === 1 || (link.bandwidthMbps ?? 0) === 0) continue;
      planner.hold(
        bandwidthOf(link),
        ramped(fault, (part) => 1 - (1 - bandwidth) * part),
        endOf(fault),
      );
    }
  },
};
