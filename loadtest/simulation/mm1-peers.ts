import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/*
 * The same M/M/1 elsewhere: in SimPy, which most people would take, and in C, which is as fast as it gets. Both are children
 * that run one after the other; both are left out where there is no Python with SimPy, or no compiler.
 */

const run = promisify(execFile);
const folder = import.meta.dirname;

export interface Mm1Peer {
  readonly id: "simpy" | "c";
  /** With its version. */
  readonly name: string;
  /** Customers per second of processor time. Throws when the child fails or its mean latency is far from 100 ms. */
  measure(customers: number, seed: number): Promise<number>;
}

/** Undefined when it is not installed. */
export async function findSimpy(): Promise<Mm1Peer | undefined> {
  try {
    const { stdout } = await run("python3", ["-c", "import simpy; print(simpy.__version__)"]);
    const script = join(folder, "mm1_simpy.py");
    return {
      id: "simpy",
      name: `SimPy ${stdout.trim()}`,
      measure: (customers, seed) => rateOf("python3", [script, String(customers), String(seed)]),
    };
  } catch {
    return undefined;
  }
}

/** Compiles it into a temporary folder, which `remove` deletes; undefined when there is no compiler. */
export async function compileC(): Promise<(Mm1Peer & { remove(): Promise<void> }) | undefined> {
  const temporary = await mkdtemp(join(tmpdir(), "weft-mm1-"));
  const remove = () => rm(temporary, { recursive: true, force: true });
  const program = join(temporary, "mm1");
  for (const compiler of ["cc", "gcc"]) {
    try {
      await run(compiler, ["-O3", "-march=native", "-o", program, join(folder, "mm1.c"), "-lm"]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      await remove();
      throw error;
    }
    return {
      ...{ id: "c", name: `C (${compiler} -O3)`, remove },
      measure: (customers, seed) => rateOf(program, [String(customers), String(seed)]),
    };
  }
  await remove();
  return undefined;
}

async function rateOf(program: string, args: readonly string[]): Promise<number> {
  const { stdout } = await run(program, args);
  const [rate = Number.NaN, latencyMs = Number.NaN] = stdout.trim().split(" ").map(Number);
  // Three standard errors of the shortest run that is measured; a wrong program would be far out.
  if (!(Math.abs(latencyMs - 100) < 40)) throw new Error(`its mean latency is ${latencyMs} ms and should be near 100`);
  return rate;
}
