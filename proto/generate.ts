import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot, runBuf } from "./buf.ts";
import { commentsOf } from "./comments.ts";
import { fillThirdPartyProtos } from "./third-party.ts";

/*
 * Generates proto/gen from proto/**.proto: `node proto/generate.ts`, or with `--check` only says which committed files
 * differ from what would be generated (exit code 1).
 *
 * Beside the code, comments.json holds the comments of our files, for documentation that is made at run time.
 *
 * Code is always generated into a temporary folder first. The check compares it with proto/gen; otherwise only files
 * that differ are written and only files without a source are removed, so that a process reading the generated code at
 * the same time never meets a missing file.
 */

const generatedFolder = join(repositoryRoot, "proto", "gen");

interface Difference {
  readonly path: string;
  readonly kind: "added" | "changed" | "removed";
  readonly text: string;
}

const { values: flags } = parseArgs({ options: { check: { type: "boolean", default: false } } });
await fillThirdPartyProtos(join(repositoryRoot, "proto", ".deps"));
const fresh = await generateFresh();
if (fresh === undefined) {
  process.exitCode = 1;
} else {
  const differences = differencesBetween(await readTree(generatedFolder), fresh);
  if (flags.check) {
    report(differences);
  } else {
    await apply(differences);
    console.log(`${fresh.size} generated files, ${differences.length} of them changed`);
  }
}

/** The generated files by path below proto/gen; undefined, with the reason printed, when buf fails. */
async function generateFresh(): Promise<Map<string, string> | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "weft-generate-"));
  try {
    const { exitCode, output } = await runBuf(["generate", "--output", folder]);
    if (exitCode !== 0) {
      console.error(output.trimEnd() || `buf generate ended with exit code ${exitCode}`);
      return undefined;
    }
    const descriptors = join(folder, "descriptors.binpb");
    const built = await runBuf(["build", "--as-file-descriptor-set", "--output", descriptors]);
    if (built.exitCode !== 0) {
      console.error(built.output.trimEnd() || `buf build ended with exit code ${built.exitCode}`);
      return undefined;
    }
    const tree = await readTree(join(folder, "proto", "gen"));
    const comments = commentsOf(await readFile(descriptors), "weft.");
    return tree.set("comments.json", `${JSON.stringify(comments, undefined, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readTree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const tree = new Map<string, string>();
  for (const file of files.sort()) {
    tree.set(file.slice(folder.length + 1), await readFile(file, "utf8"));
  }
  return tree;
}

function differencesBetween(present: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): Difference[] {
  const differences: Difference[] = [];
  for (const [path, text] of wanted) {
    if (present.get(path) !== text) {
      differences.push({ path, text, kind: present.has(path) ? "changed" : "added" });
    }
  }
  for (const path of present.keys()) {
    if (!wanted.has(path)) {
      differences.push({ path, text: "", kind: "removed" });
    }
  }
  return differences;
}

function report(differences: readonly Difference[]): void {
  if (differences.length === 0) {
    console.log("proto/gen is what the .proto files generate");
    return;
  }
  for (const { kind, path } of differences) {
    console.error(`proto/gen/${path}: would be ${kind}`);
  }
  console.error('proto/gen is out of date: run "npm run generate" and commit the result');
  process.exitCode = 1;
}

async function apply(differences: readonly Difference[]): Promise<void> {
  for (const { kind, path, text } of differences) {
    const target = join(generatedFolder, path);
    if (kind === "removed") {
      await rm(target, { force: true });
    } else {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
    }
  }
}
