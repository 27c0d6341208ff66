import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { repositoryRoot, runBuf } from "./buf.ts";
import { fillThirdPartyProtos } from "./third-party.ts";

/*
 * Fails when the .proto files break clients that were built with earlier ones: `node proto/breaking.ts [--against ref]`.
 *
 * Without a ref the earlier state is where this branch left `main`; on `main` itself it is the last commit when the
 * .proto files were edited since, else the commit before it. Buf could read a git ref by itself, but the third-party
 * files that ours import are not in any commit: so the files of the earlier commit are laid out in a temporary folder
 * with today's third-party files beside them. Where there is no earlier commit with .proto files, nothing can break.
 */

const runFile = promisify(execFile);

const { values: flags } = parseArgs({ options: { against: { type: "string" } } });
const base = await earlierCommit(flags.against);
const paths = base === undefined ? [] : await protoPaths(base);
if (flags.against !== undefined && base === undefined) {
  console.error(`--against ${flags.against}: there is no such commit`);
  process.exitCode = 1;
} else if (base === undefined || paths.length === 0) {
  console.log("no earlier commit with .proto files to compare with");
} else {
  process.exitCode = await compareWith(base, paths);
}

async function compareWith(commit: string, paths: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "weft-breaking-"));
  try {
    for (const path of paths) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), await git("show", `${commit}:${path}`));
    }
    const thirdParty = join(repositoryRoot, "proto", ".deps");
    await fillThirdPartyProtos(thirdParty);
    await cp(thirdParty, join(folder, "proto", ".deps"), { recursive: true });
    await copyFile(join(repositoryRoot, "buf.yaml"), join(folder, "buf.yaml"));
    const { exitCode, output } = await runBuf(["breaking", "--against", folder]);
    console.log(output.trimEnd() || `nothing breaks clients built at ${commit.slice(0, 10)}`);
    return exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function earlierCommit(ref: string | undefined): Promise<string | undefined> {
  if (ref !== undefined) {
    return commitOf(ref);
  }
  const head = await commitOf("HEAD");
  const main = (await commitOf("origin/main")) ?? (await commitOf("main"));
  if (head === undefined || main === undefined) {
    return undefined;
  }
  const fork = await tryGit("merge-base", head, main);
  if (fork !== head) {
    return fork;
  }
  const edited = await tryGit("status", "--porcelain", "--", "proto");
  return edited === undefined || edited === "" ? commitOf("HEAD~1") : head;
}

async function protoPaths(commit: string): Promise<string[]> {
  const listing = await git("ls-tree", "-r", "--name-only", commit, "--", "proto");
  return listing.split("\n").filter((path) => path.endsWith(".proto"));
}

function commitOf(ref: string): Promise<string | undefined> {
  return tryGit("rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
}

/** The trimmed answer of a git command; undefined when it fails, as it does outside a repository. */
async function tryGit(...args: string[]): Promise<string | undefined> {
  return git(...args).then(
    (output) => output.trim(),
    () => undefined,
  );
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await runFile("git", args, { cwd: repositoryRoot, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
