import { InstallError } from "./install-error.js";
import { withInstallLock } from "./install-lock.js";
import { repairInstallScripts } from "./install-scripts.js";
import { readManifests } from "./manifests.js";
import { runNpm } from "./run-npm.js";
import { isStamped, isTreeAsLocked, writeStamp } from "./stamp.js";

/**
 * Installs the dependencies of the repository at `root` unless they are there already. Returns the exit code: 0 when
 * node_modules is complete, 1 after a message that says what to do next, 130 when it was interrupted.
 *
 * Two processes may do this at once (one installs, the other waits and finds the work done), and it may be cut off at any
 * point: the stamp that makes the next run short is written last.
 */
export async function ensureInstalled(root) {
  try {
    const manifests = readManifests(root);
    if (isStamped(root, manifests)) {
      return 0;
    }
    await withInstallLock(root, async () => {
      if (!isStamped(root, manifests)) {
        await install(root, manifests);
      }
    });
    return 0;
  } catch (error) {
    if (!(error instanceof InstallError)) {
      throw error;
    }
    process.stderr.write(`\nweft: ${error.message}\n`);
    if (error.next !== "") {
      process.stderr.write(`      ${error.next}\n`);
    }
    return error.exitCode;
  }
}

async function install(root, manifests) {
  assertNodeIsNewEnough(manifests.root);
  if (!isTreeAsLocked(root, manifests)) {
    const command = manifests.hasLockFile ? "ci" : "install";
    process.stderr.write(`weft: installing dependencies (npm ${command}) …\n`);
    const startedMs = Date.now();
    // NODE_ENV=production would leave out the pinned Node, which is a development dependency.
    // The packages run on the pinned Node: warnings that they do not suit the one that installs them mean nothing.
    await runNpm(root, [command, "--include=dev", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]);
    process.stderr.write(`weft: dependencies installed in ${((Date.now() - startedMs) / 1000).toFixed(0)} s\n`);
  }
  await repairInstallScripts(root, manifests.root);
  // Read again: npm writes a lock file where there was none.
  writeStamp(root, readManifests(root));
}

function assertNodeIsNewEnough(manifest) {
  const least = Number(/\d+/.exec(manifest.engines?.node ?? "")?.[0] ?? 0);
  const major = Number(process.versions.node.split(".")[0]);
  if (major < least) {
    throw new InstallError(
      `Node ${process.versions.node} is too old: installing needs Node ${least} or newer`,
      "Install a current Node from https://nodejs.org or with your version manager, and run the command again.",
    );
  }
}
