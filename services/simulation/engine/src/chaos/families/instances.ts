/** Faults of components and their instances: gone, slow, failing, standing still. */
import type { Component } from "../../architecture.ts";
import { errorCodes, isRetryableByDefault, usualCode } from "../../error-codes.ts";
import { RandomStream } from "../../random.ts";
import { endOf, type FaultFamily, factorRule, longestMs, partOfFactor, ramped, shareRule } from "../family.ts";
import type { BrownOutFault, CapacityLossFault, CrashFault, ErrorFault, PauseFault, SlowNodeFault } from "../fault.ts";
import type { FaultPlanner } from "../plan.ts";
import { downOf, errorsOf, hedgeOf, workOf } from "../settings.ts";
import { mostInstances, pickInstances } from "../targets.ts";

const oneInstance = { random: 1 } as const;
const allInstances = { share: 1 } as const;
const downChoices = { inFlight: ["fail", "finish"] } as const;

export const error: FaultFamily<ErrorFault> = {
  kind: "error",
  title: "Errors",
  targets: ["component"],
  hasRamp: true,
  numbers: { ratio: { ...shareRule, isRequired: true } },
  choices: { code: errorCodes },
  flags: ["isRetryable"],
  plan: (fault, { components }, planner) => {
    const { code = fault.isRetryable === false ? "internal" : usualCode } = fault;
    const { ratio, isRetryable = isRetryableByDefault(code) } = fault;
    for (const component of components) {
      const steps = ramped(fault, (part) => ({ ratio: ratio * part, isRetryable }));
      planner.hold(errorsOf(component, code), steps, endOf(fault));
    }
  },
};

export const crash: FaultFamily<CrashFault> = {
  kind: "crash",
  title: "Crash and restart",
  targets: ["component"],
  instances: "optional",
  hasRamp: true,
  numbers: {
    coldFactor: factorRule,
    coldMs: { minimum: 0, maximum: longestMs },
  },
  choices: downChoices,
  flags: ["isNoticed"],
  plan: (fault, { components }, planner) => {
    const { coldFactor = 1, coldMs = 0 } = fault;
    for (const component of components) {
      const instances = pickInstances(fault, component, oneInstance);
      stopOneByOne(fault, component, instances, planner);
      if (coldMs === 0 || coldFactor === 1) continue;
      for (const instance of instances) {
        planner.hold(workOf(component, instance), [{ atMs: endOf(fault), value: coldFactor }], endOf(fault) + coldMs);
      }
    }
  },
};

export const capacityLoss: FaultFamily<CapacityLossFault> = {
  kind: "capacity_loss",
  title: "Capacity loss",
  targets: ["component"],
  instances: "required",
  hasRamp: true,
  numbers: {},
  choices: downChoices,
  flags: ["isNoticed"],
  plan: (fault, { components }, planner) => {
    for (const component of components) {
      stopOneByOne(fault, component, pickInstances(fault, component, allInstances), planner);
    }
  },
};

/** All at once, or spread over the ramp; all come back at the end. */
function stopOneByOne(
  fault: CrashFault | CapacityLossFault,
  component: Component,
  instances: readonly number[],
  planner: FaultPlanner,
): void {
  const { startMs, rampMs = 0, inFlight = "fail", isNoticed = true } = fault;
  for (const [order, instance] of instances.entries()) {
    const atMs = startMs + (rampMs * order) / instances.length;
    planner.hold(downOf(component, instance), [{ atMs, value: { inFlight, isNoticed } }], endOf(fault));
  }
}

export const slowNode: FaultFamily<SlowNodeFault> = {
  kind: "slow_node",
  title: "Slow node",
  targets: ["component"],
  instances: "optional",
  hasRamp: true,
  numbers: { factor: { ...factorRule, isRequired: true } },
  plan: (fault, { components }, planner) => {
    const steps = ramped(fault, partOfFactor(fault.factor));
    for (const component of components) {
      for (const instance of pickInstances(fault, component, oneInstance)) {
        planner.hold(workOf(component, instance), steps, endOf(fault));
      }
    }
  },
};

export const brownOut: FaultFamily<BrownOutFault> = {
  kind: "brown_out",
  title: "Brown-out",
  targets: ["component"],
  hasRamp: true,
  numbers: {
    factor: { ...factorRule, isRequired: true },
    errorRatio: shareRule,
    hedgeAfterMs: { minimum: 0, maximum: 86_400_000 },
  },
  plan: (fault, { components }, planner, { links }) => {
    const { factor, errorRatio = 0, hedgeAfterMs } = fault;
    for (const link of links.filter(({ to }) => components.some(({ id }) => id === to))) {
      if (hedgeAfterMs === undefined) break;
      planner.hold(hedgeOf(link), [{ atMs: fault.startMs, value: hedgeAfterMs }], endOf(fault));
    }
    for (const component of components) {
      const steps = ramped(fault, partOfFactor(factor));
      for (let instance = 0; instance < mostInstances(component); instance++) {
        planner.hold(workOf(component, instance), steps, endOf(fault));
      }
      if (errorRatio > 0)
        planner.hold(
          errorsOf(component),
          ramped(fault, (part) => ({ ratio: errorRatio * part, isRetryable: true })),
          endOf(fault),
        );
    }
  },
};

const mostPauses = 10_000;

export const pause: FaultFamily<PauseFault> = {
  kind: "pause",
  title: "Pauses",
  targets: ["component"],
  instances: "optional",
  numbers: {
    everyMs: { minimum: 1, maximum: longestMs, isRequired: true },
    lengthMs: { minimum: 0, maximum: 86_400_000, isAbove: true, isRequired: true },
  },
  flags: ["isTogether"],
  check: ({ everyMs, lengthMs, durationMs }) => {
    if (lengthMs >= everyMs) {
      return [{ field: "lengthMs", message: `lengthMs is ${lengthMs}; allowed is less than everyMs (${everyMs})` }];
    }
    const pauses = durationMs / everyMs;
    if (pauses <= mostPauses) return [];
    return [
      {
        field: "everyMs",
        message: `everyMs is ${everyMs}; allowed is at least ${durationMs / mostPauses}, ${mostPauses} pauses`,
      },
    ];
  },
  plan: (fault, { components }, planner) => {
    const { startMs, everyMs, lengthMs, isTogether = false, seed = 1 } = fault;
    for (const component of components) {
      const stream = new RandomStream(seed, `chaos/pause/${component.id}`);
      for (const instance of pickInstances(fault, component, allInstances)) {
        const firstMs = startMs + (isTogether ? 0 : Math.round(stream.uniform() * everyMs));
        for (let atMs = firstMs; atMs < endOf(fault); atMs += everyMs) {
          planner.once(atMs, { kind: "pause", component: component.id, instance, lengthMs });
        }
      }
    }
  },
};
