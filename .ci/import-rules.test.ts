import { describe, expect, it } from "vitest";
import { importViolations, type WorkspacePackage } from "./import-rules.ts";
import { importsOf } from "./source-imports.ts";

const packages: WorkspacePackage[] = [
  { name: "@weft/proto", folder: "proto", exportedPaths: ["./*"] },
  { name: "@weft/mesh", folder: "mesh", exportedPaths: [".", "./testing"] },
  { name: "@weft/transcoding", folder: "mesh/transcoding", exportedPaths: [".", "./node"] },
  { name: "@weft/cli", folder: "mesh/cli", exportedPaths: ["./stores"] },
  { name: "@weft/auth", folder: "services/auth", exportedPaths: ["./verifier"] },
  { name: "@weft/user", folder: "services/user", exportedPaths: [] },
];

function messagesFor(path: string, source: string): string[] {
  return importViolations([{ path, imports: importsOf(path, source) }], packages).map(({ message }) => message);
}

describe("importsOf", () => {
  it("finds every kind of import, each once, with its line", () => {
    const source = `import a, { type B } from "./a.ts";
import type { C } from "./c.ts";
import "./side-effect.ts";
export { d, e } from "./d.ts";
export * from "./f.ts";
const g = await import("./g.ts");
type H = import("./h.ts").H;
`;
    expect(importsOf("x.ts", source)).toEqual(
      ["./a.ts", "./c.ts", "./side-effect.ts", "./d.ts", "./f.ts", "./g.ts", "./h.ts"].map((specifier, index) => ({
        specifier,
        line: index + 1,
      })),
    );
  });

  it("names the file that is not TypeScript", () => {
    expect(() => importsOf("broken.ts", "import {")).toThrow(/^broken\.ts: /);
  });
});

describe("importViolations", () => {
  it.each([
    ["services/user/src/domain/users.ts", "@weft/mesh", "a domain imports no packages"],
    ["services/user/src/domain/users.ts", "@weft/proto/weft/user/v1/user_pb.ts", "a domain imports no packages"],
    ["services/user/src/domain/users.ts", "node:fs", "a domain imports no packages"],
    ["services/user/src/domain/users.ts", "yaml", "a domain imports no packages"],
    ["services/project/src/domain/projects.ts", "yaml", "a domain imports no packages"],
    ["services/user/src/domain/users.ts", "../adapters/store.ts", "outside its folder"],
    ["services/user/src/adapters/store.ts", "../main.ts", "main.ts joins the parts"],
    ["services/user/src/adapters/store.ts", "../../../auth/src/verifier/index.ts", "leaves services/user"],
    ["services/user/src/rpc.ts", "@weft/auth/src/verifier/index.ts", "exports no such path"],
    ["services/user/src/rpc.ts", "@weft/auth", "exports no such path"],
    ["services/user/src/rpc.ts", "@weft/nobody", "no such package"],
    ["services/user/src/rpc.ts", "@weft/mesh/testing", "only tests import this"],
    ["services/user/src/rpc.ts", "./rpc.test.ts", "only tests import this"],
    ["mesh/src/pool/pool.ts", "@weft/proto/weft/user/v1/user_pb.ts", "the mesh knows no service"],
    ["mesh/src/pool/pool.ts", "@weft/auth/verifier", "the mesh knows no service"],
    ["mesh/src/pool/pool.ts", "../testing/fake-clock.ts", "only tests import this"],
    ["mesh/src/pool/pool.ts", "@weft/transcoding/src/router.ts", "exports no such path"],
    ["mesh/src/pool/pool.ts", "../../transcoding/src/router.ts", "leaves mesh"],
    ["mesh/transcoding/src/router.ts", "@weft/mesh", "knows no other of ours"],
    ["mesh/transcoding/src/router.ts", "@weft/proto/google/api/http_pb.ts", "knows no other of ours"],
    ["mesh/transcoding/src/router.ts", "./testing/scripted-service.ts", "only tests import this"],
    ["mesh/src/pool/pool.ts", "../../cli/src/main.ts", "leaves mesh"],
    ["mesh/cli/src/up/up.ts", "../../../src/index.ts", "leaves mesh/cli"],
    ["examples/demo.ts", "../mesh/src/index.ts", "leaves examples"],
  ])("refuses in %s the import of %s", (path, specifier, message) => {
    expect(messagesFor(path, `import "${specifier}";`)).toEqual([expect.stringContaining(message)]);
  });

  it("refuses types like values", () => {
    const messages = messagesFor("services/user/src/domain/users.ts", 'import type { Clock } from "@weft/mesh";');
    expect(messages).toHaveLength(1);
  });

  it.each([
    ["services/user/src/domain/users.ts", "./ports.ts"],
    ["services/user/src/domain/inner/users.ts", "../ports.ts"],
    ["services/user/src/domain/users.test.ts", "vitest"],
    ["services/project/src/domain/architecture/import-compose.ts", "yaml"],
    ["services/user/src/main.ts", "./domain/users.ts"],
    ["services/user/src/rpc.ts", "@weft/auth/verifier"],
    ["services/user/src/rpc.ts", "@weft/proto/weft/user/v1/user_pb.ts"],
    ["services/user/tests/rpc.test.ts", "../src/main.ts"],
    ["services/user/tests/rpc.test.ts", "@weft/mesh/testing"],
    ["mesh/src/server/service-listeners.ts", "@weft/transcoding/node"],
    ["mesh/transcoding/src/testing/scripted-service.ts", "@weft/proto/google/api/http_pb.ts"],
    ["mesh/src/server/health.ts", "@weft/proto/grpc/health/v1/health_pb.ts"],
    ["mesh/src/server/access.ts", "@weft/proto/weft/options/v1/access_pb.ts"],
    ["mesh/src/testing/contracts/queue-contract.ts", "vitest"],
    ["mesh/cli/src/up/up.ts", "@weft/mesh"],
    ["vitest.config.ts", "vitest/config"],
  ])("accepts in %s the import of %s", (path, specifier) => {
    expect(messagesFor(path, `import "${specifier}";`)).toEqual([]);
  });
});
