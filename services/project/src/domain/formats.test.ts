import { describe, expect, it } from "vitest";
import { completeArchitecture } from "./architecture/complete-architecture.ts";
import { exportArchitecture, formats, importArchitecture } from "./formats.ts";

const { architecture } = completeArchitecture({
  components: [
    { id: "api", kind: "service" },
    { id: "users", kind: "client" },
  ],
  links: [{ from: "users", to: "api" }],
  workloads: [{ component: "users", ratePerSecond: 10 }],
});

describe("formats", () => {
  it.each(formats)("%s is written and read as the same architecture", (format) => {
    const { content } = exportArchitecture(format, "x", architecture);
    expect(importArchitecture(format, content).architecture).toEqual(architecture);
  });

  it.each(formats)("%s that is no YAML is refused with its line", (format) => {
    expect(() => importArchitecture(format, "a: 1\nb: [")).toThrow(
      expect.objectContaining({
        kind: "content_unreadable",
        fields: [expect.objectContaining({ field: "content" })],
        facts: { line: expect.stringMatching(/^\d+$/) },
      }),
    );
  });

  it.each([
    ["My Shop / v2!", "my-shop-v2.compose.yaml"],
    ["../../etc/passwd", "etc-passwd.compose.yaml"],
    ["日本語", "project.compose.yaml"],
    ["x".repeat(200), `${"x".repeat(60)}.compose.yaml`],
  ])("a project named %j becomes the file %s", (name, fileName) => {
    expect(exportArchitecture("COMPOSE", name, architecture).fileName).toBe(fileName);
  });
});
