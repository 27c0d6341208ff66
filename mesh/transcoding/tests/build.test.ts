import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const run = promisify(execFile);
const home = resolve(import.meta.dirname, "..");

let project = "";

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "weft-transcoding-"));
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "@weft"), { recursive: true });
  for (const scope of ["@bufbuild", "@connectrpc"]) {
    await symlink(resolve(home, "../../node_modules", scope), join(modules, scope));
  }
  await run(process.execPath, [join(home, "build.ts"), join(modules, "@weft/transcoding")]);
});

afterAll(() => rm(project, { recursive: true, force: true }));

it("is built into a package that another project can install and use", async () => {
  const script = `
    import { createRestHandler } from "@weft/transcoding";
    import { createRestListener } from "@weft/transcoding/node";
    import { openApiDocument } from "@weft/transcoding/openapi";
    const handler = createRestHandler({ services: [], invoke: () => Promise.reject(new Error("called")) });
    const { openapi } = openApiDocument({ services: [], info: { title: "Nothing", version: "1" } });
    console.log(typeof createRestListener(handler), openapi);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: project });
  expect(stdout.trim()).toBe("function 3.1.0");
});

it("needs nothing but protobuf-es, protovalidate and Connect", async () => {
  const manifest = JSON.parse(await readFile(join(project, "node_modules/@weft/transcoding/package.json"), "utf8"));
  expect(Object.keys(manifest.peerDependencies)).toEqual([
    "@bufbuild/protobuf",
    "@bufbuild/protovalidate",
    "@connectrpc/connect",
  ]);
  expect(manifest).not.toHaveProperty("dependencies");
  expect(manifest).not.toHaveProperty("devDependencies");
});
