import { execFileSync } from "node:child_process";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** Where figures were measured: they mean nothing on another machine, while ratios mostly do. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Load of the last minute before the run; on a busy machine the spread tells more than the median. */
  readonly loadBefore: number;
  readonly commit: string | null;
  readonly date: string;
}

export function describeMachine(now: Date): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
    commit: currentCommit(),
    date: now.toISOString(),
  };
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGiB, system, node, loadBefore } = machine;
  return `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}, load ${loadBefore} before`;
}

/** Null outside a checkout. */
function currentCommit(): string | null {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}
