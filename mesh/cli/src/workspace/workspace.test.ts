import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { portOffsetFrom } from "./state-directory.ts";
import { findWorkspaceRoot, loadServices } from "./workspace.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "weft-workspace-"));
  writeFileSync(join(root, "package.json"), JSON.stringify({ workspaces: ["services/*"] }));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function addService(directory: string, weft: unknown): void {
  mkdirSync(join(root, "services", directory), { recursive: true });
  writeFileSync(join(root, "services", directory, "package.json"), JSON.stringify({ version: "1.0.0", weft }));
  writeFileSync(join(root, "services", directory, "main.ts"), "");
}

const complete = { service: "auth-service", basePort: 9000, entry: "main.ts" };

describe("findWorkspaceRoot", () => {
  test("looks upwards for a package.json with workspaces", () => {
    addService("auth", complete);
    expect(findWorkspaceRoot(join(root, "services", "auth"))).toBe(root);
  });
});

describe("loadServices", () => {
  test("reads the services by base port, with what they leave out", () => {
    addService("user", { ...complete, service: "user-service", basePort: 12_000, database: "user_schema" });
    addService("auth", complete);
    addService("library", undefined);
    expect(loadServices(root)).toMatchObject([
      { service: "auth-service", version: "1.0.0", database: null, startAfter: [], portsPerInstance: 4 },
      { service: "user-service", database: "user_schema", entry: join(root, "services", "user", "main.ts") },
    ]);
  });

  test.each([
    [{ service: "Auth Service" }, /weft\.service must be a name/],
    [{ basePort: "9000" }, /weft\.basePort must be a whole number from 1 to 65515/],
    [{ entry: "missing.ts" }, /weft\.entry names missing\.ts, which does not exist/],
    [{ database: "drop table;" }, /weft\.database must be null or a schema name/],
    [{ startAfter: ["nobody"] }, /weft\.startAfter names "nobody", which is no service/],
    [{ portsPerInstance: 2 }, /weft\.portsPerInstance must be a whole number from 4 to 20/],
  ])("refuses %j, naming file and field", (change, message) => {
    addService("auth", { ...complete, ...change });
    expect(() => loadServices(root)).toThrow(message);
    expect(() => loadServices(root)).toThrow(join(root, "services", "auth"));
  });

  test("refuses a workspace without services, and one with the same service twice", () => {
    expect(() => loadServices(root)).toThrow(/no package in .* has the field "weft"/);
    addService("a", complete);
    addService("b", complete);
    expect(() => loadServices(root)).toThrow(/two packages call their service "auth-service"/);
  });
});

describe("portOffsetFrom", () => {
  test("is 0 unless set, and refuses what is no offset", () => {
    expect(portOffsetFrom({})).toBe(0);
    expect(portOffsetFrom({ WEFT_PORT_OFFSET: "100" })).toBe(100);
    expect(() => portOffsetFrom({ WEFT_PORT_OFFSET: "-1" })).toThrow(
      /WEFT_PORT_OFFSET is "-1"; it takes a whole number from 0 to 40000/,
    );
  });
});
