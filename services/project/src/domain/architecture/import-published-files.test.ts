import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { completeArchitecture } from "./complete-architecture.ts";
import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";

/** Two published systems, kept beside the repository. Their whole component and link lists are written out here. */
const folder = process.env.WEFT_SHARED
  ? `${process.env.WEFT_SHARED}/data/architectures`
  : fileURLToPath(new URL("../../../../../../shared/data/architectures", import.meta.url));
const missing = !existsSync(folder);
const why = missing ? ` (skipped: there is no folder ${folder}; set WEFT_SHARED)` : "";

describe.skipIf(missing)(`importing published files${why}`, () => {
  it("reads the voting app's compose file", () => {
    const { architecture, findings } = importCompose(readFileSync(`${folder}/voting-app.compose.yml`, "utf8"));
    expect(completeArchitecture(architecture).problems).toEqual([]);
    expect(architecture.components.map(({ id, kind, image }) => [id, kind, image])).toEqual([
      ["vote", "service", ""],
      ["result", "service", ""],
      ["worker", "service", ""],
      ["redis", "queue", "redis:alpine"],
      ["db", "database", "postgres:15-alpine"],
      ["users", "client", ""],
    ]);
    expect(architecture.links.map(({ from, to }) => `${from}->${to}`)).toEqual([
      "vote->redis",
      "result->db",
      "redis->worker",
      "worker->db",
      "users->vote",
      "users->result",
    ]);
    expect(architecture.workloads).toMatchObject([{ component: "users", kind: "poisson", ratePerSecond: 50 }]);
    expect(findings.filter(({ severity }) => severity !== "INFO")).toEqual([
      {
        severity: "WARNING",
        message:
          "worker is taken for a worker (by its name; nobody calls it and it is not published): redis is modelled as a queue " +
          "(not a cache), which delivers messages to it; the label weft.dev/role: service on worker makes it call redis instead",
        line: 47,
      },
      {
        severity: "WARNING",
        message:
          "seed is left out of the model: it runs only with the profile seed; the label weft.dev/role: service keeps it",
        line: 81,
      },
    ]);
    expect(findings.filter(({ message }) => message.includes("depends_on alone")).map(({ line }) => line)).toEqual([
      11, 32, 49,
    ]);
    expect(findings.filter(({ message }) => message.includes("no load reaches"))).toEqual([]);
  });

  it("reads the online boutique's Kubernetes manifests", () => {
    const { architecture, findings } = importKubernetes(
      readFileSync(`${folder}/online-boutique.kubernetes.yaml`, "utf8"),
    );
    expect(completeArchitecture(architecture).problems).toEqual([]);
    expect(architecture.components.map(({ id, kind }) => [id, kind])).toEqual([
      ["frontend", "service"],
      ["adservice", "service"],
      ["currencyservice", "service"],
      ["cartservice", "service"],
      ["redis-cart", "cache"],
      ["loadgenerator", "client"],
      ["recommendationservice", "service"],
      ["checkoutservice", "service"],
      ["emailservice", "service"],
      ["paymentservice", "service"],
      ["shippingservice", "service"],
      ["productcatalogservice", "service"],
      ["shoppingassistantservice", "external"],
    ]);
    expect(architecture.links.map(({ from, to }) => `${from}->${to}`)).toEqual([
      "frontend->productcatalogservice",
      "frontend->currencyservice",
      "frontend->cartservice",
      "frontend->recommendationservice",
      "frontend->shippingservice",
      "frontend->checkoutservice",
      "frontend->adservice",
      "frontend->shoppingassistantservice",
      "cartservice->redis-cart",
      "loadgenerator->frontend",
      "recommendationservice->productcatalogservice",
      "checkoutservice->productcatalogservice",
      "checkoutservice->shippingservice",
      "checkoutservice->paymentservice",
      "checkoutservice->emailservice",
      "checkoutservice->currencyservice",
      "checkoutservice->cartservice",
    ]);
    expect(architecture.workloads).toMatchObject([{ component: "loadgenerator", kind: "closed", users: 10 }]);
    expect(findings.filter(({ severity }) => severity !== "INFO")).toEqual([
      {
        severity: "WARNING",
        message: expect.stringContaining('"shoppingassistantservice", which is not in the file'),
        line: 90,
      },
    ]);
    expect(findings).toContainEqual({
      severity: "INFO",
      message: "11 ServiceAccount objects (first here) without meaning for the model",
      line: 144,
    });
  });
});
