import { describe, expect, it } from "vitest";
import { importKubernetes } from "./import-kubernetes.ts";
import { ImportError } from "./import-result.ts";

function read(...documents: unknown[]) {
  const text = documents
    .map((document) => (typeof document === "string" ? document : JSON.stringify(document)))
    .join("\n---\n");
  const { architecture, findings } = importKubernetes(text);
  return {
    architecture,
    findings,
    instances: Object.fromEntries(architecture.components.map(({ id, instances }) => [id, instances])),
    kinds: Object.fromEntries(architecture.components.map(({ id, kind }) => [id, kind])),
    links: architecture.links.map(({ from, to }) => `${from}->${to}`),
    messages: findings.map(({ severity, message }) => `${severity} ${message}`).join("\n"),
  };
}

function workload(
  name: string,
  container: object = {},
  over: { kind?: string; namespace?: string; spec?: object } = {},
) {
  return {
    kind: over.kind ?? "Deployment",
    metadata: { name, ...(over.namespace ? { namespace: over.namespace } : {}) },
    spec: {
      ...over.spec,
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image: `example/${name}`, ...container }] },
      },
    },
  };
}

function service(name: string, app: string, spec: object = {}, namespace?: string) {
  return {
    kind: "Service",
    metadata: { name, ...(namespace ? { namespace } : {}) },
    spec: { selector: { app }, ...spec },
  };
}

const env = (key: string, value: string) => ({ env: [{ name: key, value }] });

describe("importKubernetes", () => {
  it("follows names of Services to the workloads they select", () => {
    const { links } = read(
      workload("web", env("API_ADDR", "backend:80")),
      workload("api", env("DB_HOST", "pg-0.pg.default.svc.cluster.local")),
      workload("pg", { image: "postgres:18" }, { kind: "StatefulSet" }),
      service("backend", "api"),
      service("pg", "pg"),
    );
    expect(links).toEqual(["web->api", "api->pg", "users->web"]);
  });

  it("keeps namespaces apart", () => {
    const { links, kinds, messages } = read(
      workload(
        "web",
        {
          env: [
            { name: "A_URL", value: "http://cart" },
            { name: "B_URL", value: "http://cart.two:80" },
          ],
        },
        { namespace: "one" },
      ),
      workload("cart", {}, { namespace: "two" }),
      service("cart", "cart", {}, "two"),
    );
    expect(links).toEqual(["web->cart-2", "web->cart", "users->web"]);
    expect(kinds["cart-2"]).toBe("external");
    expect(messages).toContain('names "cart", which is not in the file');
  });

  it("reads ConfigMaps that a pod uses, and never Secrets", () => {
    const { links, messages } = read(
      workload("web", {
        envFrom: [{ configMapRef: { name: "settings" } }, { secretRef: { name: "hidden" } }],
        env: [{ name: "DB_URL", valueFrom: { secretKeyRef: { name: "hidden", key: "url" } } }],
      }),
      workload("api"),
      workload("mail"),
      {
        kind: "ConfigMap",
        metadata: { name: "settings" },
        data: { API_URL: "http://api", "app.yaml": "mail:\n  host: mail" },
      },
      { kind: "ConfigMap", metadata: { name: "unused" }, data: { X_URL: "http://web" } },
      { kind: "Secret", metadata: { name: "hidden" }, stringData: { url: "postgres://topsecret@api" } },
    );
    expect(links).toEqual(["web->api", "web->mail", "users->web"]);
    expect(messages).toContain("Secret hidden is neither read nor kept; its keys: url");
    expect(messages).toContain("DB_URL of web comes from the secret hidden (key url)");
    expect(messages).not.toContain("topsecret");
  });

  it("takes instances from replicas, autoscalers and parallelism", () => {
    const { instances, messages } = read(
      workload("a", {}, { spec: { replicas: 3 } }),
      workload("b", {}, { spec: { replicas: 3 } }),
      workload("c", {}, { kind: "DaemonSet" }),
      workload("d", {}, { spec: { replicas: 0 } }),
      {
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "b" },
        spec: { scaleTargetRef: { kind: "Deployment", name: "b" }, minReplicas: 5 },
      },
    );
    expect(instances).toMatchObject({ a: 3, b: 5, c: 1, d: 1 });
    expect(messages).toContain("INFO b is scaled automatically; the model has its minimum, 5");
    expect(messages).toContain("WARNING d has 0 replicas");
  });

  it("makes one component of a pod with several containers", () => {
    const pod = {
      kind: "Pod",
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        containers: [
          { name: "istio-proxy", image: "istio/proxyv2" },
          { name: "server", image: "nginx:1.29" },
        ],
      },
    };
    const { kinds, messages } = read(pod);
    expect(kinds).toEqual({ web: "load_balancer", users: "client" });
    expect(messages).toContain("INFO Pod web has 2 containers");
  });

  it("shares out the calls to a Service that selects several workloads", () => {
    const stable = workload("stable", {}, { spec: { replicas: 3 } });
    const canary = workload("canary");
    for (const each of [stable, canary]) each.spec.template.metadata.labels.app = "api";
    const { architecture } = read(workload("web", env("API_URL", "http://api")), stable, canary, service("api", "api"));
    const shares = architecture.links
      .filter(({ from }) => from === "web")
      .map(({ to, callsPerRequest }) => [to, callsPerRequest]);
    expect(shares).toEqual([
      ["stable", 0.75],
      ["canary", 0.25],
    ]);
  });

  it("sends people to what an Ingress, a NodePort or a LoadBalancer publishes, and leaves jobs out", () => {
    const { links, messages } = read(
      workload("a"),
      workload("b"),
      workload("c"),
      workload("nightly", {}, { kind: "Job" }),
      service("a", "a"),
      service("b", "b", { type: "NodePort" }),
      service("c", "c"),
      {
        kind: "Ingress",
        metadata: { name: "in" },
        spec: {
          rules: [
            { http: { paths: [{ backend: { service: { name: "a" } } }, { backend: { service: { name: "gone" } } }] } },
          ],
        },
      },
    );
    expect(links).toEqual(["users->a", "users->b"]);
    expect(messages).toContain("an Ingress leads to the Service gone, which is not in the file");
    expect(messages).toContain("nightly is left out of the model: it is a Job, which ends");
    expect(messages).toContain("no load reaches c:");
  });

  it("makes ExternalName Services external components", () => {
    const { kinds, links } = read(workload("web", env("PAY_URL", "https://pay")), {
      kind: "Service",
      metadata: { name: "pay" },
      spec: { type: "ExternalName", externalName: "pay.example.com" },
    });
    expect(kinds.pay).toBe("external");
    expect(links).toEqual(["web->pay", "users->web"]);
  });

  it("unpacks lists, and reports each unread kind once with count and first line", () => {
    const { findings, kinds } = read(
      { kind: "List", items: [workload("a"), workload("b")] },
      { kind: "ServiceAccount", metadata: { name: "x" } },
      { kind: "ServiceAccount", metadata: { name: "y" } },
      { kind: "VirtualService", metadata: { name: "z" } },
      "kind: [",
      "justText",
    );
    expect(Object.keys(kinds)).toEqual(["a", "b", "users"]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: "INFO",
        line: 3,
        message: expect.stringContaining("2 ServiceAccount objects"),
      }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: "WARNING",
        line: 7,
        message: expect.stringContaining("1 VirtualService object"),
      }),
    );
    expect(findings.filter(({ severity }) => severity === "ERROR").map(({ line }) => line)).toEqual([9, 11]);
  });

  it("refuses content in which nothing runs", () => {
    for (const content of ["kind: Service\nmetadata: {name: a}", "a: 1", "kind: [", ""]) {
      expect(() => importKubernetes(content), content).toThrow(ImportError);
    }
  });
});
