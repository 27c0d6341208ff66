import { glob, readFile } from "node:fs/promises";
import { dirname, join, posix, sep } from "node:path";
import { importViolations, type SourceFile, type WorkspacePackage } from "./import-rules.ts";
import { importsOf } from "./source-imports.ts";

/*
 * Applies the import rules to every TypeScript file of the repository (generated code apart): prints each violation with
 * its place, and exits with 1 when there is one.
 */

const root = dirname(import.meta.dirname);
const sources = "{.ci,console,examples,loadtest,mesh,proto,services}/**/*.ts";
const generated = /(^|\/)(gen|node_modules|\.deps)\//;

const packages = await workspacePackages();
const files: SourceFile[] = [];
const failures: string[] = [];
for await (const found of glob(sources, { cwd: root, exclude: (name) => name === "node_modules" || name === "gen" })) {
  const path = found.split(sep).join(posix.sep);
  if (generated.test(path)) {
    continue;
  }
  try {
    files.push({ path, imports: importsOf(path, await readFile(join(root, path), "utf8")) });
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
}
files.sort((a, b) => (a.path < b.path ? -1 : 1));
for (const { path, line, message } of importViolations(files, packages)) {
  failures.push(`${path}:${line}: ${message}`);
}
if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exitCode = 1;
} else {
  console.log(`${files.length} files keep the import rules`);
}

async function workspacePackages(): Promise<WorkspacePackage[]> {
  const { workspaces } = await readManifest("package.json");
  const found: WorkspacePackage[] = [];
  for await (const manifestPath of glob(workspaces?.map((folder) => `${folder}/package.json`) ?? [], { cwd: root })) {
    const { name, exports = {} } = await readManifest(manifestPath);
    const folder = dirname(manifestPath).split(sep).join(posix.sep);
    found.push({ name, folder, exportedPaths: Object.keys(exports) });
  }
  return found;
}

interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly exports?: Readonly<Record<string, unknown>>;
}

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, path), "utf8")) as Manifest;
}
