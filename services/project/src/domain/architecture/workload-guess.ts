import {
  MAX_LINKS,
  type PartialComponent,
  type PartialLink,
  type PartialWorkload,
  WORKLOAD_LIMITS,
} from "./architecture.ts";
import { WORKLOAD_DEFAULTS } from "./architecture-defaults.ts";
import type { ComponentIds } from "./component-ids.ts";
import type { Edge } from "./find-cycle.ts";
import type { Findings } from "./import-result.ts";
import { numberProblem } from "./value-problems.ts";

/** What is known about a component's place in front of people. */
export interface EntryCandidate {
  id: string;
  kind: string;
  /** Reachable from outside: a published port, an Ingress, a LoadBalancer or NodePort Service. */
  published: boolean;
}

/** A client with its calls and its load. */
export interface GuessedLoad {
  client: PartialComponent;
  links: PartialLink[];
  workload: PartialWorkload;
}

/**
 * A client "users" for a file that has none: 50 requests a second to each entry component. Entries are the services and
 * load balancers that are published; without any, other published components; else those that nobody calls.
 */
export function guessLoad(
  candidates: readonly EntryCandidate[],
  calls: readonly Edge[],
  ids: ComponentIds,
  findings: Findings,
): GuessedLoad | undefined {
  const called = new Set(calls.map((edge) => edge.to));
  const active = candidates.filter((candidate) => candidate.kind !== "client");
  const front = active.filter(({ kind }) => kind === "service" || kind === "load_balancer");
  const choices: [string, EntryCandidate[]][] = [
    ["reachable from outside", front.filter((candidate) => candidate.published)],
    ["reachable from outside", active.filter((candidate) => candidate.published && candidate.kind !== "external")],
    ["called by nobody", front.filter((candidate) => !called.has(candidate.id))],
    ["called by nobody", active.filter((candidate) => !called.has(candidate.id) && candidate.kind !== "external")],
    ["all there is", candidates.filter((candidate) => candidate.kind !== "client" && !called.has(candidate.id))],
  ];
  const [why, entries] = choices.find(([, found]) => found.length > 0) ?? ["", []];
  if (entries.length === 0) return undefined;
  // So many entries are no entries; the model is better off without a guess than without a limit.
  if (calls.length + entries.length > MAX_LINKS) return undefined;
  const id = ids.claim("users");
  findings.info(
    `the file has no load: the client "${id}" offers ${WORKLOAD_DEFAULTS.ratePerSecond} requests a second to each entry (${why}): ${entries
      .map((entry) => entry.id)
      .join(", ")}`,
  );
  return {
    client: { id, kind: "client", name: "Users" },
    links: entries.map((entry) => ({ from: id, to: entry.id })),
    workload: { component: id, kind: "poisson", ratePerSecond: WORKLOAD_DEFAULTS.ratePerSecond },
  };
}

const USERS_KEYS = /^(?:[A-Z0-9]+_)?(?:USERS|VUS|CLIENTS|CONNECTIONS)$/;
const RATE_KEYS = /^(?:[A-Z0-9]+_)?(?:RATE|RPS|QPS|REQUESTS_PER_SECOND|ARRIVAL_RATE)$/;

/**
 * The workload of a load generator from its variables. Users make it closed, with a second of thought; then a rate is
 * how fast they start, as in Locust, and has no place in the model. A rate alone makes it poisson.
 */
export function loadGeneratorWorkload(
  component: string,
  variables: readonly { key: string; value: string; line: number }[],
  findings: Findings,
): PartialWorkload {
  const users = variables.find(({ key }) => USERS_KEYS.test(key));
  const rate = variables.find(({ key }) => RATE_KEYS.test(key));
  const userCount = Number(users?.value.trim() || Number.NaN);
  if (users !== undefined && numberProblem(userCount, WORKLOAD_LIMITS.users) === undefined) {
    findings.info(
      `${component} is a load generator: ${users.key} gives ${userCount} users, one second of thought each`,
      users.line,
    );
    if (rate !== undefined) {
      findings.info(
        `${rate.key} of ${component} is read as how fast its users start; the model has them from the start`,
        rate.line,
      );
    }
    return { component, kind: "closed", users: userCount, thinkTimeMs: WORKLOAD_DEFAULTS.thinkTimeMs };
  }
  const ratePerSecond = Number(rate?.value.trim() || Number.NaN);
  if (rate !== undefined && numberProblem(ratePerSecond, WORKLOAD_LIMITS.ratePerSecond) === undefined) {
    findings.info(`${component} is a load generator: ${rate.key} gives ${ratePerSecond} requests a second`, rate.line);
    return { component, kind: "poisson", ratePerSecond };
  }
  findings.info(
    `${component} is a load generator whose rate is not in the file: ${WORKLOAD_DEFAULTS.ratePerSecond} requests a second`,
  );
  return { component, kind: "poisson", ratePerSecond: WORKLOAD_DEFAULTS.ratePerSecond };
}
