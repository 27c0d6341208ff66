import type { Findings } from "./import-result.ts";
import type { KubernetesObjects, KubernetesService } from "./kubernetes-objects.ts";

/**
 * Knows which components a host name means inside the cluster: a Service by its short name in the same namespace, or
 * with its namespace (`cart.shop`, `cart.shop.svc`, `cart.shop.svc.cluster.local`), or one pod of a headless Service
 * (`kafka-0.kafka`). A Service that selects several workloads shares its calls out by their instances. A workload's
 * own name is taken too, when no Service has it.
 */
export class KubernetesHosts {
  readonly #objects: KubernetesObjects;
  readonly #findings: Findings;
  readonly #targets = new Map<string, { id: string; share: number }[]>();
  readonly #namespaceById = new Map<string, string>();
  readonly #namespaces = new Set<string>();
  readonly #unmatched: KubernetesService[] = [];
  readonly #served = new Set<string>();

  constructor(
    objects: KubernetesObjects,
    idByPart: ReadonlyMap<object, string>,
    instances: ReadonlyMap<string, number>,
    findings: Findings,
  ) {
    this.#objects = objects;
    this.#findings = findings;
    for (const workload of objects.workloads) {
      const id = idByPart.get(workload);
      if (id === undefined) continue;
      this.#namespaceById.set(id, workload.namespace);
      this.#namespaces.add(workload.namespace);
    }
    for (const service of objects.services) {
      this.#namespaces.add(service.namespace);
      const own = idByPart.get(service);
      const selected =
        own !== undefined ? [own] : this.#selected(service).flatMap((workload) => idByPart.get(workload) ?? []);
      if (selected.length === 0) {
        this.#unmatched.push(service);
        continue;
      }
      const total = selected.reduce((sum, id) => sum + (instances.get(id) ?? 1), 0);
      if (selected.length > 1) {
        findings.info(
          `Service ${service.name} selects ${selected.join(", ")}; its calls are shared out among them`,
          service.line,
        );
      }
      for (const id of selected) this.#served.add(id);
      const targets = selected.map((id) => ({ id, share: (instances.get(id) ?? 1) / total }));
      this.#targets.set(hostKey(service.namespace, service.name), targets);
    }
    for (const workload of objects.workloads) {
      const id = idByPart.get(workload);
      const key = hostKey(workload.namespace, workload.name);
      if (id !== undefined && !this.#targets.has(key)) this.#targets.set(key, [{ id, share: 1 }]);
    }
  }

  /** What `host` means to the component `from`; undefined when it is nothing in these manifests. */
  resolve(host: string, from: string): readonly { id: string; share: number }[] | undefined {
    const labels = host.split(".");
    const own = this.#namespaceById.get(from) ?? "default";
    return (
      this.#byLabels(labels, own) ??
      (/-\d+$/.test(labels[0] as string) ? this.#byLabels(labels.slice(1), own) : undefined)
    );
  }

  /** Components that people outside the cluster reach. */
  published(): Set<string> {
    const published = new Set<string>();
    const publish = (namespace: string, service: string): boolean => {
      const targets = this.#targets.get(hostKey(namespace, service));
      for (const { id } of targets ?? []) published.add(id);
      return targets !== undefined;
    };
    for (const { type, namespace, name } of this.#objects.services) {
      if (type === "LoadBalancer" || type === "NodePort") publish(namespace, name);
    }
    for (const { service, namespace, line } of this.#objects.ingressBackends) {
      if (publish(namespace, service)) continue;
      this.#findings.warning(`an Ingress leads to the Service ${service.slice(0, 80)}, which is not in the file`, line);
    }
    return published;
  }

  /** Whether a Service leads to it: somebody calls it, maybe from another file. */
  isServed(id: string): boolean {
    return this.#served.has(id);
  }

  /** Services without a workload: calls to them, if there are any, went to external components. */
  reportUnmatched(): void {
    for (const { name, line } of this.#unmatched) {
      this.#findings.warning(`Service ${name} selects no workload of the file`, line);
    }
  }

  #byLabels(labels: readonly string[], ownNamespace: string): readonly { id: string; share: number }[] | undefined {
    const [service, namespace, svc] = labels;
    if (service === undefined || service === "") return undefined;
    if (namespace === undefined) return this.#targets.get(hostKey(ownNamespace, service));
    // `redis.com` is no Service of the namespace "com" unless there is such a namespace.
    const inCluster = svc === "svc" || (svc === undefined && this.#namespaces.has(namespace));
    return inCluster ? this.#targets.get(hostKey(namespace, service)) : undefined;
  }

  #selected(service: KubernetesService) {
    if (service.selector.size === 0) return [];
    return this.#objects.workloads.filter(
      ({ namespace, podLabels, job }) =>
        !job &&
        namespace === service.namespace &&
        [...service.selector].every(([label, value]) => podLabels.get(label) === value),
    );
  }
}

function hostKey(namespace: string, name: string): string {
  return `${namespace}/${name}`.toLowerCase();
}
