/**
 * Components and links, from visits: who calls whom, how often, in what order and how far away.
 *
 * Calls per request are per visit that did not fail by itself, because the engine lets such requests make no calls; so the
 * number of calls comes out right. The network is the caller's time less the callee's, one call at a time: clocks that
 * differ cancel out in it, and half of it is spent each way. A callee that took longer than its caller was abandoned.
 */
import type { ComponentKind } from "../architecture.ts";
import { CalibrationError } from "./json.ts";
import { kindOfName } from "./peer.ts";
import { toleranceUs, type Visit } from "./visits.ts";

const maximumLinks = 5000;

export interface ComponentFacts {
  readonly id: string;
  readonly kind: ComponentKind;
  /** Nobody's own spans: its time is what its callers saw. */
  readonly isPeer: boolean;
  readonly visits: readonly Visit[];
  readonly instances: number | undefined;
  readonly errorRatio: number;
  readonly fanOut: "sequential" | "parallel";
  /** Of neighbouring calls of one visit, those that overlapped; undefined when no visit made two. */
  readonly overlapRatio: number | undefined;
  readonly hitRatio: number;
  readonly entries: number;
  readonly operations: number;
}

export interface LinkFacts {
  readonly from: string;
  readonly to: string;
  readonly calls: number;
  readonly callsPerRequest: number;
  readonly isAsync: boolean;
  /** One for each call whose both ends were seen, at least 0. */
  readonly networkMs: readonly number[];
  /** Median; undefined when no call showed both ends. */
  readonly skewMs: number | undefined;
  /** Calls whose callee went on after the caller had stopped waiting. */
  readonly abandoned: number;
  /** Calls that follow a failed one to the same callee in the same visit. */
  readonly repeated: number;
}

export interface Topology {
  readonly components: readonly ComponentFacts[];
  readonly links: readonly LinkFacts[];
  /** Left out because a model cannot hold a cycle of calls; the rarest of each. */
  readonly cut: readonly LinkFacts[];
}

export function topologyFrom(visits: readonly Visit[]): Topology {
  const groups = new Map<string, Visit[]>();
  const callees = new Set<string>();
  for (const visit of visits) {
    const group = groups.get(visit.component);
    if (group === undefined) groups.set(visit.component, [visit]);
    else group.push(visit);
    for (const { to } of visit.calls) callees.add(to);
  }
  // A service of which only its name as a peer is left has no visits, and nothing to be modelled by.
  for (const id of callees) if (!groups.has(id)) groups.set(id, []);
  const components = [...groups].map(([id, group]) => componentFacts(id, group, callees.has(id)));
  const all = components.flatMap(linkFacts);
  if (all.length > maximumLinks) throw new CalibrationError(`more than ${maximumLinks} links between components`);
  const kept = new Map<string, string[]>();
  const cut = new Set<LinkFacts>();
  for (const link of [...all].sort((a, b) => b.calls - a.calls)) {
    if (reaches(kept, link.to, link.from)) cut.add(link);
    else kept.set(link.from, [...(kept.get(link.from) ?? []), link.to]);
  }
  return { components, links: all.filter((link) => !cut.has(link)), cut: [...cut] };
}

function componentFacts(id: string, visits: readonly Visit[], isCalled: boolean): ComponentFacts {
  const peer = visits.length > 0 && visits.every((visit) => visit.peer !== undefined) ? visits[0]?.peer : undefined;
  const callsOut = visits.filter(({ calls }) => calls.length > 0).length;
  const isClient = !isCalled && callsOut > 0 && visits.every(({ isOriginator }) => isOriginator);
  const guessed = callsOut === 0 || peer !== undefined ? kindOfName(id) : undefined;
  const kind: ComponentKind = isClient ? "client" : (peer ?? guessed ?? "service");
  const ownFailures = visits.filter(failedByItself).length;
  const instances = new Set(visits.flatMap(({ instance }) => instance ?? []));
  const { overlaps, pairs } = overlapOf(visits);
  return {
    id,
    kind,
    isPeer: peer !== undefined || visits.length === 0,
    visits,
    instances: instances.size === 0 ? undefined : instances.size,
    errorRatio: isClient || visits.length === 0 ? 0 : ownFailures / visits.length,
    fanOut: overlaps * 2 > pairs ? "parallel" : "sequential",
    overlapRatio: pairs === 0 ? undefined : overlaps / pairs,
    hitRatio: kind === "cache" && callsOut > 0 ? 1 - callsOut / visits.length : 0,
    entries: visits.filter(({ isEntry }) => isEntry).length,
    operations: new Set(visits.map(({ operation }) => operation)).size,
  };
}

function linkFacts({ id, visits, errorRatio, hitRatio }: ComponentFacts): LinkFacts[] {
  const byCallee = new Map<string, Collected>();
  for (const visit of visits) {
    const failedTo = new Set<string>();
    for (const call of [...visit.calls].sort((a, b) => a.startUs - b.startUs)) {
      const found = byCallee.get(call.to) ?? {
        calls: 0,
        async: 0,
        networkMs: [],
        skewMs: [],
        abandoned: 0,
        repeated: 0,
      };
      byCallee.set(call.to, found);
      found.calls++;
      if (call.isAsync) found.async++;
      if (failedTo.has(call.to)) found.repeated++;
      if (call.failed) failedTo.add(call.to);
      if (call.networkUs === undefined) continue;
      if (call.networkUs < 0) found.abandoned++;
      else found.networkMs.push(call.networkUs / 1000);
      if (call.skewUs !== undefined) found.skewMs.push(call.skewUs / 1000);
    }
  }
  const asking = visits.length * (1 - errorRatio) * (1 - hitRatio);
  return [...byCallee].map(([to, { calls, async, networkMs, skewMs, abandoned, repeated }]) => ({
    from: id,
    to,
    calls,
    callsPerRequest: asking > 0 ? calls / asking : 1,
    isAsync: async * 2 > calls,
    networkMs,
    skewMs: skewMs.sort((a, b) => a - b)[skewMs.length >> 1],
    abandoned,
    repeated,
  }));
}

interface Collected {
  calls: number;
  async: number;
  readonly networkMs: number[];
  readonly skewMs: number[];
  abandoned: number;
  repeated: number;
}

/** A failure that no failed call explains. */
function failedByItself({ failed, calls }: Visit): boolean {
  return failed && !calls.some((call) => call.failed && !call.isAsync);
}

/** Calls that begin before an earlier one ended, of all that had an earlier one. */
function overlapOf(visits: readonly Visit[]): { readonly overlaps: number; readonly pairs: number } {
  let [overlaps, pairs] = [0, 0];
  for (const { calls } of visits) {
    if (calls.length < 2) continue;
    const waited = calls.filter(({ isAsync }) => !isAsync).sort((a, b) => a.startUs - b.startUs);
    let endUs = waited[0]?.endUs ?? 0;
    for (const call of waited.slice(1)) {
      pairs++;
      if (call.startUs < endUs - toleranceUs) overlaps++;
      endUs = Math.max(endUs, call.endUs);
    }
  }
  return { overlaps, pairs };
}

function reaches(callees: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const id of seen) for (const callee of callees.get(id) ?? []) seen.add(callee);
  return seen.has(to);
}
