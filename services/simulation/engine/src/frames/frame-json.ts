import type { DecodedFrame } from "./decode-frame.ts";

/** Decimal digits that a Float32 holds for certain: with more of them 0.3 would read 0.30000001192092896. */
const significantDigits = 7;

/** A frame for people, as weft.simulation.v1.Frame has it. What the binary form does not know (NaN) is null. */
export function frameJson({ simulationId, status, frame }: DecodedFrame): string {
  const { total } = frame;
  return JSON.stringify({
    simulationId,
    sequence: frame.sequence,
    status,
    simulatedSeconds: frame.simulatedMs / 1000,
    durationSeconds: frame.durationMs / 1000,
    speed: frame.speed,
    load: frame.load,
    total: {
      ...total,
      requestsPerSecond: short(total.requestsPerSecond),
      failuresPerSecond: short(total.failuresPerSecond),
      goodputPerSecond: short(total.goodputPerSecond),
      goodputRatio: short(total.goodputRatio),
      p50Ms: short(total.p50Ms),
      p95Ms: short(total.p95Ms),
      p99Ms: short(total.p99Ms),
    },
    components: frame.components.map((component) => ({
      id: component.id,
      requestsPerSecond: short(component.requestsPerSecond),
      failuresPerSecond: short(component.failuresPerSecond),
      utilization: short(component.utilization),
      queueLength: short(component.queueLength),
      inFlight: short(component.inFlight),
      p50Ms: short(component.p50Ms),
      p95Ms: short(component.p95Ms),
      p99Ms: short(component.p99Ms),
    })),
    bottleneck: frame.bottleneck,
  });
}

function short(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(significantDigits));
}
