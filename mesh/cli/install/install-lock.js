import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InstallError } from "./install-error.js";

/*
 * One install at a time per checkout, across processes: a file in `.weft/` (npm removes node_modules while it works, so
 * the lock cannot lie there) that holds the owner's process id. A lock whose owner is gone is removed, and only under a
 * second lock held for an instant, so that two who find it cannot remove each other's fresh one.
 */

const pollMs = 200;
/** A file this old that names no process, or a removal lock this old, was left by a process that died in between. */
const abandonedAfterMs = 10_000;

/** Runs `work` while no other process does; waits, saying so once, while one does. Resolves with what `work` gives. */
export async function withInstallLock(root, work) {
  const folder = join(root, ".weft");
  const path = join(folder, "install.lock");
  create(folder, () => mkdirSync(folder, { recursive: true }));
  let told = false;
  while (!create(path, () => writeFileSync(path, String(process.pid), { flag: "wx" }))) {
    const owner = ownerOf(path);
    if (owner === "gone") {
      removeAbandoned(path);
      continue;
    }
    if (!told && owner !== undefined) {
      process.stderr.write(`weft: waiting for the install that process ${owner} is doing …\n`);
      told = true;
    }
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** False when it exists already. */
function create(path, make) {
  try {
    make();
    return true;
  } catch (cause) {
    if (cause.code === "EEXIST") {
      return false;
    }
    throw new InstallError(
      `${path} cannot be written (${cause.code})`,
      cause.code === "ENOSPC"
        ? "The disk is full: free some space and run the command again."
        : "The checkout must be writable: check who owns it, or clone it where you may write.",
      { cause },
    );
  }
}

/** The owner's process id; "gone" when it no longer runs; undefined while the file is new and empty, or just removed. */
function ownerOf(path) {
  let pid;
  let ageMs;
  try {
    pid = Number(readFileSync(path, "utf8"));
    ageMs = Date.now() - statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
  if (!Number.isInteger(pid) || pid <= 0) {
    return ageMs > abandonedAfterMs ? "gone" : undefined;
  }
  return isRunning(pid) ? pid : "gone";
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be signalled, but it is there.
    return error.code === "EPERM";
  }
}

function removeAbandoned(path) {
  const guard = `${path}.removal`;
  try {
    mkdirSync(guard);
  } catch {
    removeIfOld(guard);
    return;
  }
  try {
    if (ownerOf(path) === "gone") {
      rmSync(path, { force: true });
    }
  } finally {
    rmdirSync(guard);
  }
}

function removeIfOld(guard) {
  try {
    if (Date.now() - statSync(guard).mtimeMs > abandonedAfterMs) {
      rmdirSync(guard);
    }
  } catch {
    // Removed by its owner in the meantime.
  }
}
