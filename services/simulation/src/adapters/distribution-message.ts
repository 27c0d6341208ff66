import type { Distribution as DistributionMessage } from "@weft/proto/weft/project/v1/architecture_pb.ts";
import type { Distribution } from "@weft/simulator";

/** What only some kinds have stays absent where it is absent: the simulator has the same defaults. */
export function distributionFrom(message: DistributionMessage | undefined): Distribution {
  const { tailIndex, maxMs, points = [] } = message ?? {};
  return {
    kind: (message?.kind ?? "constant") as Distribution["kind"],
    meanMs: message?.meanMs ?? 0,
    cv: message?.cv ?? 1,
    ...(tailIndex === undefined ? {} : { tailIndex }),
    ...(maxMs === undefined ? {} : { maxMs }),
    ...(points.length === 0 ? {} : { points: points.map(({ upToMs, weight }) => ({ upToMs, weight })) }),
  };
}
