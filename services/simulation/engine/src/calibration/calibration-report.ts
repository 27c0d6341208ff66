/**
 * What a calibration found and what it could not find, in sentences with their numbers. What stands in a model for something that is not
 * known is said with the reason, so that nobody takes it for a measurement.
 */
import type { Component, Distribution } from "../architecture.ts";
import type { ArrivalFacts } from "./arrivals.ts";
import type { ServiceDemand } from "./demands.ts";
import type { Fit } from "./fit-distribution.ts";
import type { ServiceTimes } from "./service-times.ts";
import type { ComponentFacts, LinkFacts, Topology } from "./topology.ts";
import type { Visits } from "./visits.ts";

interface ComponentFindings {
  readonly times: ServiceTimes;
  readonly fit: Fit | undefined;
  readonly serviceTime: Distribution;
  readonly concurrency: number;
  /** The mean is the utilization law's. */
  readonly isReplaced: boolean;
  readonly demand: ServiceDemand | undefined;
  readonly samplingRatio: number;
}

const fewSamples = 100;

export class Report {
  readonly identified: { readonly parameter: string; readonly value: string; readonly evidence: string }[] = [];
  readonly notIdentified: { readonly parameter: string; readonly reason: string }[] = [];

  component(facts: ComponentFacts, findings: ComponentFindings): void {
    const { id, visits } = facts;
    this.#serviceTime(facts, findings);
    this.#slots(facts, findings);
    if (visits.length > 0) this.#found(`${id}.errorRatio`, percent(facts.errorRatio), `${visits.length} visits`);
    if (facts.overlapRatio === undefined) return;
    const evidence = `${percent(facts.overlapRatio)} of neighbouring calls overlap`;
    if (facts.overlapRatio > 0.1 && facts.overlapRatio < 0.9) {
      this.#missing(
        `${id}.fanOut`,
        `${evidence}: some are made one after the other and some at a time; ${facts.fanOut} is assumed`,
      );
    } else this.#found(`${id}.fanOut`, facts.fanOut, evidence);
  }

  link(
    facts: LinkFacts,
    { latency, callsPerRequest }: { readonly latency: Distribution; readonly callsPerRequest: number },
  ): void {
    const { from, to, calls, networkMs, skewMs, abandoned, repeated, isAsync } = facts;
    const name = `${from} to ${to}`;
    const manner = isAsync ? ", not waited for" : "";
    this.#found(`${name}.callsPerRequest`, `${number(callsPerRequest)}${manner}`, `${calls} calls`);
    if (facts.callsPerRequest > callsPerRequest) {
      this.#missing(
        `${name}.callsPerRequest`,
        `${number(facts.callsPerRequest)} were seen, more than a model can have; ${number(callsPerRequest)} is used`,
      );
    }
    if (networkMs.length > 0) {
      this.#found(
        `${name}.latency`,
        distribution(latency),
        `${networkMs.length} calls with both ends, caller's time less callee's`,
      );
    } else {
      this.#missing(
        `${name}.latency`,
        "no call shows both ends, so the network is in the time of the caller or callee; 0 is assumed",
      );
    }
    if (skewMs !== undefined && Math.abs(skewMs) > Math.max(1, latency.meanMs / 2)) {
      const direction = skewMs > 0 ? "ahead of" : "behind";
      this.#missing(
        `${name}: clocks`,
        `the clock of ${to} seems ${number(Math.abs(skewMs))} ms ${direction} that of ${from}; latencies are differences of durations and not affected`,
      );
    }
    if (abandoned > 0) {
      this.#missing(
        `${name}.timeoutMs`,
        `${abandoned} callees went on after their caller had stopped waiting: there is a timeout, or clocks are coarse; none is assumed`,
      );
    }
    if (repeated > 0) {
      this.#missing(
        `${name}.retries`,
        `${repeated} calls follow a failed one: they count as calls, and no retries are assumed`,
      );
    }
  }

  arrivals(
    client: string,
    { workload, arrivals, spanMs, dispersion, unclear }: ArrivalFacts,
    isCounted: boolean,
  ): void {
    const { kind, ratePerSecond, burstFactor, burstMs, burstShare, amplitude } = workload;
    const evidence = `${arrivals} traces in ${number(spanMs / 1000)} s`;
    this.#found(
      `${client}.ratePerSecond`,
      `${number(ratePerSecond)} /s`,
      isCounted ? "Prometheus, which counts every request" : evidence,
    );
    if (dispersion !== undefined || kind === "diurnal") {
      const bursts = `bursts of ${number(burstMs ?? 0)} ms at ${number(burstFactor ?? 1)} times the mean rate, ${percent(burstShare ?? 0)} of the time`;
      const value =
        kind === "bursty" ? bursts : kind === "diurnal" ? `diurnal, amplitude ${number(amplitude ?? 0)}` : kind;
      const index = dispersion === undefined ? "" : `, index of dispersion ${number(dispersion)}`;
      this.#found(`${client}.arrivals`, value, `${evidence}${index}`);
    }
    for (const reason of unclear) this.#missing(`${client}.arrivals`, reason);
  }

  topology({ components, cut }: Topology, visits: Omit<Visits, "visits"> & { readonly spans: number }): void {
    for (const { from, to, calls } of cut) {
      this.#missing(
        `${from} to ${to}`,
        `its ${calls} calls close a cycle, which a model cannot hold; left out as the rarest of it`,
      );
    }
    for (const { id, operations, visits: own } of components) {
      if (operations > 1 && own.length > 0) {
        this.#missing(
          `${id}: classes`,
          `${operations} operations are averaged: which requests are the heavy ones is not in the model`,
        );
      }
    }
    if (visits.orphanSpans > 0) {
      this.#missing(
        "lost spans",
        `${visits.orphanSpans} of ${visits.spans} spans were caused by spans that are missing: calls per request and rates are too low by about as much`,
      );
    }
    if (visits.callsToUnknown > 0) {
      this.#missing(
        "unknown peers",
        `${visits.callsToUnknown} calls do not say whom they call; their time counts as their caller's own work`,
      );
    }
    this.#missing(
      "timeoutMs, retries, queueCapacity",
      "traces do not show settings: no timeouts, no retries and queues of 1000 are assumed",
    );
    this.#missing(
      "holdsSlot",
      "whether a request keeps its slot during its calls is not in traces; it does, as a thread would",
    );
  }

  demands(demands: readonly ServiceDemand[]): void {
    for (const { service, source, windows, meanMs, unclear, classes, backgroundSlots, explained } of demands) {
      const evidence = `utilization law over ${windows} windows, ${percent(explained)} explained`;
      const unit = source === "busy" ? "ms" : "ms per slot";
      if (unclear === undefined)
        this.#found(`${service}: busy time per request`, `${number(meanMs)} ${unit}`, evidence);
      else this.#missing(`${service}: busy time per request`, unclear);
      if (backgroundSlots === undefined) {
        this.#missing(
          `${service}: background work`,
          "the load does not vary enough to tell it from the work of requests, which includes it",
        );
      }
      if (classes.length < 2) continue;
      for (const one of classes) {
        const parameter = `${service} ${one.requestClass}: busy time`;
        if (one.unclear === undefined) this.#found(parameter, `${number(one.demandMs)} ${unit}`, evidence);
        else this.#missing(parameter, one.unclear);
      }
    }
  }

  #serviceTime(
    { id, isPeer, visits }: ComponentFacts,
    { times, fit, serviceTime, isReplaced, demand, samplingRatio }: ComponentFindings,
  ): void {
    const parameter = `${id}.serviceTime`;
    if (fit === undefined) {
      this.#missing(parameter, "none of its spans is there; 0 is assumed");
      return;
    }
    const value = distribution(serviceTime);
    if (isPeer) {
      this.#missing(
        `${id}: network`,
        "it has no spans of its own: its time is what its callers saw, with the network in it",
      );
    }
    const distance = fit.distance > 0 ? `, Kolmogorov distance ${number(fit.distance)}` : "";
    const evidence = `${fit.samples} of ${visits.length} visits${distance}`;
    if (isReplaced) {
      this.#found(
        parameter,
        value,
        `mean from the utilization law over ${demand?.windows} windows, shape from ${evidence}`,
      );
      return;
    }
    if (times.queueing === "mixed") {
      this.#missing(
        parameter,
        `waiting for a slot is mixed in and cannot be separated (mean ${number(times.allMeanMs)} ms of all visits, ${number(serviceTime.meanMs)} ms when least busy); ${value} is used. Record at low load, or add busy seconds from Prometheus`,
      );
      return;
    }
    if (visits.length < fewSamples) {
      this.#missing(`${parameter}: shape`, `only ${visits.length} visits; ${value} is used`);
    } else if (times.queueing === "separated") {
      this.#found(
        parameter,
        value,
        `${evidence}, those that found it idle or nearly; with waiting the mean is ${number(times.allMeanMs)} ms`,
      );
    } else {
      const caution = samplingRatio < 1 ? " as far as a sample can tell" : "";
      this.#found(parameter, value, `${evidence}; no waiting seen${caution}`);
    }
    const { meanMs = 0, unclear, source } = demand ?? {};
    if (demand === undefined || unclear !== undefined || source !== "busy") return;
    if (meanMs < 0.8 * serviceTime.meanMs || meanMs > 1.1 * serviceTime.meanMs) {
      this.#missing(
        `${id}: what the work is`,
        `spans show ${number(serviceTime.meanMs)} ms per request and counters ${number(meanMs)} ms of busy time: ${meanMs < serviceTime.meanMs ? "the rest is waiting for something that is not traced" : "some work is in no span"}`,
      );
    }
  }

  #slots({ id, instances, kind, isPeer }: ComponentFacts, { times, concurrency }: ComponentFindings): void {
    if (instances === undefined) {
      const what = isPeer ? "its callers do not say" : "its spans do not say which instance they are of";
      this.#missing(`${id}.instances`, `${what}; one is assumed, with all slots`);
    } else this.#found(`${id}.instances`, String(instances), "different instances in its spans");
    if (times.slots !== undefined) {
      this.#found(
        `${id}.concurrency`,
        String(times.slots),
        "requests that found as many in progress took longer, those that found fewer did not",
      );
    } else if (kind !== "client") {
      this.#missing(
        `${id}.concurrency`,
        `no queue shows how many slots there are: at least ${times.mostAtOnce} were used at a time by an instance, ${concurrency} is assumed`,
      );
    }
  }

  #found(parameter: string, value: string, evidence: string): void {
    this.identified.push({ parameter, value, evidence });
  }

  #missing(parameter: string, reason: string): void {
    this.notIdentified.push({ parameter, reason });
  }
}

function distribution({ kind, meanMs, cv, points }: Component["serviceTime"]): string {
  const shape = points === undefined ? kind : `empirical (${points.length} points)`;
  return kind === "constant"
    ? `constant ${number(meanMs)} ms`
    : `${shape}, mean ${number(meanMs)} ms, cv ${number(cv)}`;
}

function percent(share: number): string {
  return `${number(share * 100)} %`;
}

function number(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
