import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";

/*
 * Everything `npm run check` holds the repository to. Prints a line per step as it ends, the whole output of a step that
 * fails, and at the end "check: N passed, N failed"; exit code 1 when a step failed.
 *
 * Two lanes run side by side, balanced for two cores; steps within a lane keep their order, since the later proto steps
 * compile against the third-party files that the first one lays out.
 */

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const root = dirname(import.meta.dirname);
const node = process.execPath;

const lanes: readonly (readonly Step[])[] = [
  [
    { name: "types", command: ["tsc", "--noEmit", "--pretty", "false"] },
    { name: "unused code", command: ["knip", "--no-progress", "--no-config-hints"] },
  ],
  [
    { name: "generated code", command: [node, "proto/generate.ts", "--check"] },
    { name: "proto lint", command: ["buf", "lint"] },
    { name: "proto breaking", command: [node, "proto/breaking.ts"] },
    { name: "format and lint", command: ["biome", "check", "--error-on-warnings", "--max-diagnostics=none", "."] },
    { name: "import rules", command: [node, ".ci/check-imports.ts"] },
  ],
];

const results = (await Promise.all(lanes.map(runLane))).flat();
const failed = results.filter((passed) => !passed).length;
console.log(`check: ${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function runLane(steps: readonly Step[]): Promise<boolean[]> {
  const passed: boolean[] = [];
  for (const step of steps) {
    passed.push(await runStep(step));
  }
  return passed;
}

async function runStep({ name, command }: Step): Promise<boolean> {
  const startedMs = performance.now();
  const { exitCode, output } = await run(command);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
  const mark = exitCode === 0 ? "ok    " : "FAILED";
  // One write, so that the other lane cannot put its line in between.
  console.log(`${mark} ${seconds} s  ${name}${exitCode === 0 ? "" : `\n${indent(output)}`}`);
  return exitCode === 0;
}

function run([program, ...args]: Step["command"]): Promise<{ exitCode: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; output: string }>();
  const binaries = join(root, "node_modules", ".bin");
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: string): void => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  child.on("error", (error) => resolve({ exitCode: 1, output: `${program} did not start: ${error.message}` }));
  child.on("close", (code, signal) => {
    resolve({ exitCode: code ?? 1, output: signal === null ? output : `${output}\n${program} was ended by ${signal}` });
  });
  return promise;
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
