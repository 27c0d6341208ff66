// biome-ignore-all lint/suspicious/noTemplateCurlyInString: compose variables stand in plain strings here
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { completeArchitecture } from "./complete-architecture.ts";
import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";
import { ImportError, type ImportResult } from "./import-result.ts";
import { importWeft } from "./import-weft.ts";

const importers: [string, (content: string) => ImportResult][] = [
  ["importWeft", importWeft],
  ["importCompose", importCompose],
  ["importKubernetes", importKubernetes],
];

const words = (
  "services image environment depends_on links networks ports deploy replicas scale profiles extends command " +
  "x-weft components workloads from to id kind service client database a b c db redis postgres http://b:80 b:80 ${X} " +
  "Deployment Service ConfigMap Pod List items metadata name namespace labels annotations spec template containers " +
  "selector app env value valueFrom configMapKeyRef key data weft.dev/calls weft.dev/component [{to:b}] serviceTime " +
  "meanMs instances rules http paths backend type ExternalName <<"
).split(" ");
const word = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    word,
    fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(word, tie("tree"), { maxKeys: 6 }),
  ),
}));
/** Shapes near the real ones reach further into the importers than any tree. */
const service = fc.dictionary(word, tree, { maxKeys: 5 });
const document = fc.oneof(
  tree,
  fc.record({ services: fc.dictionary(word, service, { maxKeys: 4 }), "x-weft": tree }, { requiredKeys: ["services"] }),
  fc.record({ components: fc.array(tree, { maxLength: 3 }), links: tree, workloads: tree }),
  fc.record({
    kind: fc.constantFrom("Deployment", "Service", "ConfigMap", "Ingress", "HorizontalPodAutoscaler", "Job"),
    metadata: fc.record({ name: word, annotations: tree, labels: tree }, { requiredKeys: ["name"] }),
    spec: fc.oneof(
      tree,
      fc.record({
        template: fc.record({ spec: fc.record({ containers: fc.array(service, { minLength: 1, maxLength: 2 }) }) }),
      }),
    ),
    data: tree,
  }),
);

function outcome(importer: (content: string) => ImportResult, content: string): string {
  try {
    const { architecture, findings } = importer(content);
    expect(completeArchitecture(architecture)).toEqual({ architecture, problems: [] });
    for (const { line } of findings) expect(line ?? 1).toBeGreaterThan(0);
    return "read";
  } catch (error) {
    if (error instanceof ImportError) return "refused";
    throw error;
  }
}

describe.each(importers)("%s", (_name, importer) => {
  it("reads or refuses every text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 200 }),
          fc.array(word).map((parts) => parts.join("\n  - ")),
        ),
        (text) => {
          expect(["read", "refused"]).toContain(outcome(importer, text));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reads or refuses every structure, and what it reads is a valid architecture", () => {
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 3 }), (documents) => {
        const text = documents.map((each) => stringify(each)).join("---\n");
        expect(["read", "refused"]).toContain(outcome(importer, text));
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ["nesting", "[".repeat(200_000)],
    ["many documents", "---\na: 1\n".repeat(15_000)],
    ["many services", `services:\n${Array.from({ length: 20_000 }, (_, n) => `  s${n}: {image: x}`).join("\n")}`],
    [
      "one long base for many services",
      `services:\n  base:\n    environment:\n${Array.from({ length: 8000 }, (_, n) => `      V${n}: http://s${n}`).join("\n")}\n${Array.from({ length: 400 }, (_, n) => `  s${n}: {extends: base}`).join("\n")}`,
    ],
    [
      "one long command for many services",
      `services:\n  base:\n    command: "${"--host=s1 ".repeat(30_000)}"\n${Array.from({ length: 400 }, (_, n) => `  s${n}: {extends: base}`).join("\n")}`,
    ],
  ])("ends on %s", (_what, content) => {
    expect(["read", "refused"]).toContain(outcome(importer, content));
  });
});
