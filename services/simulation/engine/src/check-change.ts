/**
 * What is wrong with a change to a run, said before anything is changed: what it names must be there and of the right kind, and
 * what it sets must be possible.
 */
import type { Change } from "./changes.ts";
import { checkLoad } from "./check-architecture.ts";
import { distributionIssues } from "./check-distribution.ts";
import { errorCodes } from "./error-codes.ts";
import type { Model, ModelComponent } from "./model.ts";
import type { ModelIssue } from "./model-error.ts";
import { hashesSessions } from "./request-traits.ts";

/** What is wrong with a change to a run of this model; empty when nothing is. */
export function checkChange(change: Change, model: Model): ModelIssue[] {
  const issues: ModelIssue[] = [];
  const refuse = (field: string, message: string) =>
    issues.push({ field, message: `change "${change.kind}": ${message}` });
  const number = (field: string, value: number, minimum: number, maximum: number) => {
    if (value >= minimum && value <= maximum) return;
    refuse(field, `${field} is ${value}; allowed is ${minimum} to ${maximum}`);
  };
  const whole = (field: string, value: number, minimum: number, maximum: number) => {
    if (Number.isInteger(value)) number(field, value, minimum, maximum);
    else refuse(field, `${field} is ${value}; allowed are whole numbers from ${minimum} to ${maximum}`);
  };
  const choice = (field: string, value: string, allowed: readonly string[]) => {
    if (!allowed.includes(value)) refuse(field, `${field} is "${value}"; allowed are ${allowed.join(", ")}`);
  };
  if ("component" in change) {
    const component = model.components.find(({ id }) => id === change.component);
    if (component === undefined) refuse("component", `the model has no component "${change.component}"`);
    else if (component.isClient) refuse("component", `"${change.component}" is a client, which has no instances`);
    else for (const one of instancesOf(change)) whole("instance", one, 0, component.maxInstances - 1);
    if (component !== undefined) refuseForKind(change, component, refuse);
  }
  if ("link" in change) {
    const link = model.links.find(({ id }) => id === change.link);
    if (link === undefined) refuse("link", `the model has no link "${change.link}"`);
    else if (change.kind === "connections" && link.maxConnections === 0) {
      refuse("link", `link "${change.link}" has no limit of connections that could be changed`);
    }
  }
  if ("workload" in change && !model.workloads.some(({ id }) => id === change.workload)) {
    refuse("workload", `the model has no workload "${change.workload}"`);
  } else if (change.kind === "sessions" && !hashesSessions(model)) {
    refuse(
      "workload",
      `no component balances by consistent_hash, so the sessions of "${change.workload}" mean nothing`,
    );
  }
  switch (change.kind) {
    case "load":
      for (const { field, message } of checkLoad(model.workloads, change.load)) refuse(field, message);
      break;
    case "workload":
    case "work":
      number("factor", change.factor, 0, 10_000);
      break;
    case "rate_limit":
      number("factor", change.factor, 0, 10_000);
      if (change.burst !== undefined) number("burst", change.burst, 1, 10_000_000);
      break;
    case "keys":
    case "sessions":
      if (change.skew !== undefined) number("skew", change.skew, 0, 5);
      number("hotShare", change.hotShare ?? 0, 0, 1);
      break;
    case "hits":
      number("factor", change.factor, 0, 1);
      break;
    case "bandwidth":
      number("factor", change.factor, 0.000_001, 1000);
      break;
    case "burst":
      whole("requests", change.requests, 1, 1_000_000);
      break;
    case "errors":
      number("ratio", change.ratio, 0, 1);
      if (change.code !== undefined) choice("code", change.code, errorCodes);
      break;
    case "loss":
      number("ratio", change.ratio, 0, 1);
      number("retransmitMs", change.retransmitMs ?? 0, 0, 86_400_000);
      break;
    case "pause":
      number("lengthMs", change.lengthMs, 0, 86_400_000);
      break;
    case "slots":
      whole("slots", change.slots, 0, 10_000);
      break;
    case "delay":
      number("share", change.share, 0, 1);
      for (const { field, message } of distributionIssues(change.extra, "extra", 600_000)) refuse(field, message);
      break;
    case "retries":
      whole("retries", change.retries, 0, 100);
      number("backoffMs", change.backoffMs, 0, 60_000);
      if (change.jitter !== undefined) choice("jitter", change.jitter, ["full", "none"]);
      break;
    case "hedge":
      number("afterMs", change.afterMs, 0, 86_400_000);
      break;
    case "breaker":
      if (change.breaker === undefined) break;
      whole("failures", change.breaker.failures, 1, 1000);
      number("openMs", change.breaker.openMs, 0, 86_400_000);
      whole("probes", change.breaker.probes ?? 1, 1, 1000);
      break;
    case "connections":
      whole("connections", change.connections, 0, 10_000);
  }
  return issues;
}

function instancesOf(change: Change): readonly number[] {
  if (change.kind === "down" || change.kind === "up") return change.instances;
  if ((change.kind === "work" || change.kind === "pause") && change.instance !== undefined) return [change.instance];
  return [];
}

function refuseForKind(
  change: Change,
  component: ModelComponent,
  refuse: (field: string, message: string) => void,
): void {
  const { id, isCache, cache, rateLimit } = component;
  const isOfKeys = change.kind === "flush" || change.kind === "keys";
  if (isOfKeys && cache === undefined) refuse("component", `"${id}" is no cache with keys`);
  if (change.kind === "hits" && (!isCache || cache !== undefined)) {
    refuse("component", `"${id}" is no cache with a fixed hit ratio`);
  }
  if (change.kind === "rate_limit" && rateLimit === undefined) refuse("component", `"${id}" has no rate limit`);
}
