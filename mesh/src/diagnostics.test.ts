import { describe, expect, test } from "vitest";
import { type ListedMetric, metricNames } from "./diagnostics.ts";

const metrics: readonly ListedMetric[] = Object.values(metricNames);
const page = "mesh/docs/metrics.md";
const command = "vitest run mesh/src/diagnostics.test.ts --update";

/** The list as a page. */
function metricsPage(): string {
  const rows = metrics.map(({ name, kind, unit, labels, help }) => {
    const named = labels.map((label) => `\`${label}\``).join(", ") || "none";
    return `| \`${name}\` | ${kind} | ${unit} | ${named} | ${help.replaceAll("|", "\\|")} |`;
  });
  return `# Metrics of the mesh

Written from \`mesh/src/diagnostics.ts\`; after a change there, write it anew with
\`npx ${command}\`.

Every instance answers \`GET /metrics\` on its metrics port (base+2): Prometheus text, or OpenMetrics when the \`Accept\` header
names \`application/openmetrics-text\`. Every series also has the labels \`service\` and \`instance\` of the process that
keeps it, unless the metric has a label of that name itself: the \`instance\` of a pool or breaker is the peer's. The
process adds \`process_…\` and \`nodejs_…\` (CPU, memory, garbage collection, event loop).

In OpenMetrics the buckets of call times carry exemplars: the trace id of a call of that bucket. After each scrape the first,
second, fourth … call of a bucket takes the place. Call times have the buckets 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100,
250, 500 ms and 1, 2.5, 5, 10 s. \`weft top\` shows the most of it live.

| name | kind | unit | labels | what |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

describe("the list of metrics", () => {
  test(`stands in ${page} as it is in diagnostics.ts`, async () => {
    await expect(
      metricsPage(),
      `${page} is not what mesh/src/diagnostics.ts says. Write it anew: npx ${command}`,
    ).toMatchFileSnapshot("../docs/metrics.md");
  });

  test.each(metrics)("$name is named after its kind and unit, and explained", ({ name, kind, unit, labels, help }) => {
    expect(name).toMatch(/^weft(_[a-z0-9]+)+$/);
    expect(name.endsWith("_total")).toBe(kind === "counter");
    expect(name.replace(/_total$/, "").endsWith("_seconds")).toBe(unit === "seconds");
    expect(unit).not.toBe("");
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
    for (const label of labels) {
      expect(label).toMatch(/^(?!le$|service$)[a-z_]+$|^service$/);
    }
  });

  test("names each metric once", () => {
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
  });
});
