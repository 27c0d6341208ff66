import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter, dirname, join, resolve } from "node:path";

/** The repository's root, where buf.yaml and buf.gen.yaml are. */
export const repositoryRoot = dirname(import.meta.dirname);

export interface BufResult {
  readonly exitCode: number;
  /** Standard output and standard error, in the order they came. */
  readonly output: string;
}

/**
 * Runs the installed `buf` at `cwd` (the repository's root when not given) with the code generators of this repository
 * on its PATH. Never rejects because buf found something: the exit code says so.
 */
export function runBuf(args: readonly string[], cwd: string = repositoryRoot): Promise<BufResult> {
  const packageFolder = dirname(createRequire(import.meta.url).resolve("@bufbuild/buf/package.json"));
  const binaries = resolve(packageFolder, "../../.bin");
  const { promise, resolve: settle, reject } = Promise.withResolvers<BufResult>();
  const child = spawn(process.execPath, [join(packageFolder, "bin/buf"), ...args], {
    cwd,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: string): void => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  child.on("error", reject);
  child.on("close", (code) => settle({ exitCode: code ?? 1, output }));
  return promise;
}
