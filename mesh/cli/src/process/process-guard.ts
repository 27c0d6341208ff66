import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * Makes sure that no child outlives this process, even when this process is killed with SIGKILL.
 *
 * Children run in sessions of their own, so that Ctrl-C reaches only this process and it alone decides the order of the
 * shutdown. The price: nobody would stop them if this process vanished. One small guard process per starter pays it; it
 * holds the other end of a pipe and stops what is still listed when the pipe closes (guard-main.ts). Asking each child
 * to notice by itself would not do: PostgreSQL and Redis cannot, and a hung service would not.
 */
export interface GuardedChild {
  readonly pid: number;
  /** Higher stops first: services before the stores they use. */
  readonly order: number;
  /** The signal that asks for a clean end. */
  readonly signal: NodeJS.Signals;
  /** How long a clean end may take before SIGKILL. */
  readonly graceMs: number;
}

const guardPath = fileURLToPath(new URL("./guard-main.ts", import.meta.url));
const children = new Map<number, GuardedChild>();
let guard: ChildProcess | undefined;
let restarts = 0;

/** Puts a child under guard. Returns the function that ends it, to be called once the child has exited. */
export function guardChild(child: GuardedChild): () => void {
  children.set(child.pid, child);
  if (guard === undefined) {
    startGuard();
  } else {
    tell({ add: child });
  }
  return () => {
    children.delete(child.pid);
    tell({ remove: { pid: child.pid } });
  };
}

/** Starts the guard ahead of the first child, so that not even that one is alone for a moment. */
export function startGuard(): void {
  if (guard !== undefined) {
    return;
  }
  const started = spawn(process.execPath, [guardPath], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  guard = started;
  started.unref();
  // Must not keep this process alive by itself; a child process's input is a socket, which can be unreferenced.
  (started.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  started.stdin?.on("error", () => undefined);
  const replace = () => {
    if (guard === started) {
      guard = undefined;
      if (children.size > 0 && restarts < 10) {
        restarts += 1;
        startGuard();
      }
    }
  };
  started.on("exit", replace);
  started.on("error", replace);
  for (const child of children.values()) {
    tell({ add: child });
  }
}

function tell(message: { add: GuardedChild } | { remove: { pid: number } }): void {
  guard?.stdin?.write(`${JSON.stringify(message)}\n`);
}
