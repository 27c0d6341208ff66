import { describe, expect, it } from "vitest";
import { ImportError } from "./import-result.ts";
import { readArchitecture } from "./read-architecture.ts";

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { template: { spec: { containers: [{ name: web, image: shop/web }] } } }
`;

describe("readArchitecture", () => {
  it.each([
    ["weft", "components: [{ id: web, kind: service }]"],
    ["weft", '{"name": "Shop", "architecture": {"components": [{"id": "web", "kind": "service"}]}}'],
    ["compose", "services: { web: { image: shop/web } }"],
    ["kubernetes", deployment],
    ["kubernetes", `---\n---\n${deployment}`],
  ])("tells a %s file by its content", (format, content) => {
    const read = readArchitecture(content);
    expect([read.format, read.architecture.components[0]?.id]).toEqual([format, "web"]);
  });

  it.each(["hello: world", "just text", "[1, 2]"])("refuses %j as no architecture file", (content) => {
    expect(() => readArchitecture(content)).toThrow(/no architecture file: neither components/);
  });

  it("says where a file stops being YAML", () => {
    expect(() => readArchitecture("components:\n  - {id: web\n")).toThrow(ImportError);
    expect(() => readArchitecture("components:\n  - {id: web\n")).toThrow(/line \d+/);
  });
});
