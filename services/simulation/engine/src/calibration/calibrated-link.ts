import type { Link } from "../architecture.ts";
import type { Report } from "./calibration-report.ts";
import { fitDistribution } from "./fit-distribution.ts";
import type { LinkFacts } from "./topology.ts";

const longestMs = 60_000;
const mostCalls = 100;

/** The link of a model, with what is known about it and what is not in the report. */
export function linkOf(facts: LinkFacts, report: Report): Link {
  const fit = fitDistribution(facts.networkMs);
  const measured = fit?.distribution ?? { kind: "constant", meanMs: 0, cv: 0 };
  const fits = measured.meanMs <= longestMs && measured.cv <= 100;
  const latency = fits ? measured : { kind: "constant" as const, meanMs: Math.min(longestMs, measured.meanMs), cv: 0 };
  const callsPerRequest = Math.min(mostCalls, facts.callsPerRequest);
  report.link(facts, { latency, callsPerRequest });
  return {
    id: linkId(facts),
    from: facts.from,
    to: facts.to,
    latency,
    timeoutMs: 0,
    retries: 0,
    retryBackoffMs: 0,
    callsPerRequest,
    weight: 1,
    asynchronous: facts.isAsync,
  };
}

/** Unique, since two links never join the same two components; the weft format takes 63 characters. */
export function linkId({ from, to }: Pick<LinkFacts, "from" | "to">): string {
  const id = `${from}-to-${to}`;
  return id.length <= 63 ? id : `${from.slice(0, 26)}-to-${to.slice(0, 26)}-${shortHash(id)}`;
}

function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36).slice(0, 6);
}
