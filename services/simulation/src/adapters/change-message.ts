/**
 * Changes on the wire and in the simulator: the same names and the same meaning, so most are taken as they are. What may be
 * absent in a message gets the default that its comment tells; the simulator wants all of it said.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Change as ChangeMessage,
  ChangeSchema,
  PlannedChange as PlannedChangeMessage,
  PlannedChangeSchema,
} from "@weft/proto/weft/simulation/v1/change_pb.ts";
import type { Change, Distribution, PlannedChange } from "@weft/simulator";
import { distributionFrom } from "./distribution-message.ts";
import { presentFields } from "./present-fields.ts";

type Case = NonNullable<ChangeMessage["kind"]["case"]>;

/** An Erlang of four stages, a clear mix of fast and slow; 1 for every other kind. As projects have it. */
const naturalCv: Partial<Record<Distribution["kind"], number>> = { erlang: 0.5, hyperexponential: 2 };

/** The change of a message that was validated. */
export function changeFrom({ kind }: ChangeMessage): Change {
  switch (kind.case) {
    case "rateLimit":
      return { ...(presentFields(kind.value) as Without<"rate_limit">), kind: "rate_limit" };
    case "down": {
      const { component, instances, inFlight, isNoticed = true } = kind.value;
      return { kind: "down", component, instances, inFlight: inFlight === "finish" ? "finish" : "fail", isNoticed };
    }
    case "delay": {
      const { link, extra, share = 1 } = kind.value;
      const natural = naturalCv[extra?.kind as Distribution["kind"]];
      const distribution = distributionFrom(extra);
      const cv = extra?.cv ?? natural ?? distribution.cv;
      return { kind: "delay", link, extra: { ...distribution, cv }, share };
    }
    case "retries": {
      const { link, retries = 0, backoffMs, keepsBudget = true, jitter } = kind.value;
      const policy = { kind: "retries", link, retries, backoffMs, keepsBudget } as const;
      return jitter === undefined ? policy : { ...policy, jitter: jitter === "none" ? "none" : "full" };
    }
    case "breaker": {
      const { link, breaker } = kind.value;
      if (breaker === undefined) return { kind: "breaker", link };
      const { failures = 5, openMs = 5000, probes = 1 } = breaker;
      return { kind: "breaker", link, breaker: { failures, openMs, probes } };
    }
    case undefined:
      throw new TypeError("a change without a kind was not validated");
    default:
      return { ...presentFields(kind.value), kind: kind.case } as Change;
  }
}

export function changeMessage({ kind, ...value }: Change): MessageInitShape<typeof ChangeSchema> {
  return { kind: { case: caseOf(kind), value } } as MessageInitShape<typeof ChangeSchema>;
}

export function plannedChangeFrom({ atSeconds, change }: PlannedChangeMessage): PlannedChange {
  if (change === undefined) throw new TypeError("a planned change without a change was not validated");
  return { atMs: atSeconds * 1000, change: changeFrom(change) };
}

export function plannedChangeMessage({ atMs, change }: PlannedChange): MessageInitShape<typeof PlannedChangeSchema> {
  return { atSeconds: atMs / 1000, change: changeMessage(change) };
}

/** The field of a change's message that has what a change of this kind says, as clients write it. */
export function caseOf(kind: Change["kind"]): Case {
  return kind === "rate_limit" ? "rateLimit" : kind;
}

type Without<Kind extends Change["kind"]> = Omit<Extract<Change, { kind: Kind }>, "kind">;
