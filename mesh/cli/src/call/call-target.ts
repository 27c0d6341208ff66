import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Instance } from "@weft/mesh/registry";
import { CliError } from "../cli-error.ts";
import { nearest } from "../command-line/nearest.ts";

/*
 * What `weft call <Service/Method>` means: which protobuf service, served by which instance, and which of its methods.
 * Names may be short ("AuthService/ValidateToken"). Pure.
 */

/** Splits "pkg.Service/Method". Throws CliError for anything else. */
export function parseTarget(text: string): { service: string; method: string } {
  const [, service, method] = /^\/?([A-Za-z_][\w.]*)[/.]([A-Za-z_]\w*)$/.exec(text) ?? [];
  if (service === undefined || method === undefined) {
    throw new CliError(`"${text}" names no method`, {
      next: "write Service/Method, such as AuthService/ValidateToken",
    });
  }
  return { service, method };
}

/**
 * Finds who serves a protobuf service: its full name, and its instances, the healthy ones first; among these the ones
 * that serve fewest services, so that a service itself comes before a gateway in front of it. Throws CliError with
 * the near names when nobody does, and with all full names when a short name fits several.
 */
export function findInstances(
  instances: readonly Instance[],
  service: string,
): { typeName: string; instances: readonly Instance[] } {
  const known = [...new Set(instances.flatMap((instance) => instance.services))].sort();
  const wanted = service.toLowerCase();
  const exact = known.filter((name) => name === service);
  const fitting = exact.length > 0 ? exact : known.filter((name) => `.${name.toLowerCase()}`.endsWith(`.${wanted}`));
  const [typeName, ...others] = fitting;
  if (typeName === undefined) {
    throw new CliError(`no registered instance serves "${service}"`, { next: suggest(service, known) });
  }
  if (others.length > 0) {
    throw new CliError(`"${service}" fits several services`, { next: `choose from: ${fitting.join(", ")}` });
  }
  const serving = instances.filter((instance) => instance.services.includes(typeName));
  const rank = ({ status, health }: Instance) => (status === "ready" ? 0 : 2) + (health === "healthy" ? 0 : 1);
  return {
    typeName,
    instances: serving.sort((a, b) => rank(a) - rank(b) || a.services.length - b.services.length),
  };
}

/** The instances with this id, or of this service. Throws CliError naming the ids there are when none fits. */
export function instancesMatching(instances: readonly Instance[], wanted: string): Instance[] {
  const found = instances.filter(({ instanceId, name }) =>
    [instanceId, name, name.replace(/-service$/, "")].includes(wanted),
  );
  if (found.length === 0) {
    const ids = instances.map(({ instanceId }) => instanceId).join(", ");
    throw new CliError(`there is no instance "${wanted}" that serves this`, { next: `choose from: ${ids}` });
  }
  return found;
}

/** Finds a method of a service. Throws CliError with the near names when there is none. */
export function findMethod(service: DescService, name: string): DescMethod {
  const found =
    service.methods.find((method) => method.name === name) ??
    service.methods.find((method) => method.name.toLowerCase() === name.toLowerCase());
  if (found === undefined) {
    const names = service.methods.map((method) => method.name);
    throw new CliError(`${service.typeName} has no method "${name}"`, { next: suggest(name, names) });
  }
  return found;
}

function suggest(name: string, known: readonly string[]): string {
  if (known.length === 0) {
    return "no instance is registered; `weft status` shows the state";
  }
  const near = nearest(name, known, 3);
  return near.length === 0
    ? `known: ${known.join(", ")}`
    : `did you mean ${near.join(" or ")}? known: ${known.join(", ")}`;
}
