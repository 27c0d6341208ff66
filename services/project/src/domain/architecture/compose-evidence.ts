import type { DraftSystem } from "./apply-roles.ts";
import type { ComposeService } from "./compose-service.ts";
import type { Findings } from "./import-result.ts";
import type { LinkEvidence } from "./link-evidence.ts";

/** A service and the id of the component it became. */
export interface NamedService {
  service: ComposeService;
  id: string;
}

/** Says on how little some links stand, and where links may be missing: services that name nobody, with their networks. */
export function reportComposeEvidence(
  named: readonly NamedService[],
  { components, links }: DraftSystem,
  evidence: LinkEvidence,
  findings: Findings,
): void {
  const because = new Map(links.map((draft) => [`${draft.link.from}>${draft.link.to}`, draft.because]));
  for (const { from, to, line } of evidence.onlyDeclared()) {
    // What Weft's own fields declare, what a job calls and what a worker takes from is not drawn from it.
    if (because.get(`${from}>${to}`) !== "depends_on") continue;
    findings.info(
      `${from} -> ${to} is drawn from depends_on alone: no variable or command of ${from} names ${to}`,
      line,
    );
  }
  const limited = named.filter(({ service }) => service.cpuLimitLine !== undefined);
  if (limited.length > 0) {
    findings.info(
      `CPU limits (services with one: ${limited.length}, first here) are not used: concurrency is the default of the kind`,
      limited[0]?.service.cpuLimitLine,
    );
  }
  const callers = new Set(links.map(({ link }) => link.from));
  const kinds = new Map(components.map(({ id, kind }) => [id, kind]));
  const members = new Map<string, string[]>();
  for (const { service, id } of named) {
    for (const network of networksOf(service)) members.set(network, [...(members.get(network) ?? []), id].slice(0, 12));
  }
  for (const { service, id } of named) {
    const kind = kinds.get(id);
    if ((kind !== "service" && kind !== "load_balancer") || evidence.hasCallsFrom(id)) continue;
    if (callers.has(id)) continue;
    const peers = [...new Set(networksOf(service).flatMap((network) => members.get(network) ?? []))];
    const others = peers.filter((peer) => peer !== id).slice(0, 10);
    const hint = others.length === 0 ? "" : `; it shares a network with ${others.join(", ")}`;
    findings.info(`${service.name} names no other service${hint}: add a link if it calls one`, service.line);
  }
}

/** Compose joins a service that names no network to the one called "default". */
function networksOf(service: ComposeService): readonly string[] {
  return service.networks.length === 0 ? ["default"] : service.networks.slice(0, 20);
}
