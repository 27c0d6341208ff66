import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";

/*
 * How we know that node_modules is complete. Our stamp holds a hash of all manifests, of the lock file and of the
 * platform; it lies inside node_modules, so whatever removes that removes the stamp. Without a stamp (npm was run by
 * hand, say) npm's own record of the tree, which it writes when it is done, is compared with the lock file instead:
 * reinstalling what is already right would take a minute and pull the files from under a process that uses them.
 */

/** True when node_modules was completed for exactly these manifests on this platform. Costs one hash and two reads. */
export function isStamped(root, manifests) {
  return readOptional(stampPath(root)) === fingerprint(manifests) && hasPinnedNode(root, manifests.root);
}

/** Records that node_modules is complete; in one step, so that a reader never meets half a stamp. */
export function writeStamp(root, manifests) {
  const temporary = `${stampPath(root)}.${process.pid}`;
  writeFileSync(temporary, fingerprint(manifests));
  renameSync(temporary, stampPath(root));
}

/**
 * True when package-lock.json agrees with the manifests, and npm's record of node_modules with package-lock.json; packages
 * for other platforms may be absent.
 */
export function isTreeAsLocked(root, manifests) {
  const locked = parseOptional(join(root, "package-lock.json"))?.packages;
  const present = parseOptional(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (locked === undefined || present === undefined || !isLockCurrent(locked, manifests)) {
    return false;
  }
  return Object.entries(locked).every(([path, wanted]) => {
    if (!path.includes("node_modules/")) {
      return true;
    }
    const found = present[path];
    if (found === undefined) {
      return wanted.optional === true;
    }
    return found.version === wanted.version && found.integrity === wanted.integrity && existsSync(join(root, path));
  });
}

function isLockCurrent(locked, { texts }) {
  return [...texts].every(([path, text]) => {
    if (path === "package-lock.json") {
      return true;
    }
    const recorded = locked[dirname(path) === "." ? "" : dirname(path)];
    const manifest = JSON.parse(text);
    return (
      recorded !== undefined &&
      ["dependencies", "devDependencies", "optionalDependencies"].every((kind) =>
        isDeepStrictEqual(recorded[kind] ?? {}, manifest[kind] ?? {}),
      )
    );
  });
}

function fingerprint({ texts }) {
  const hash = createHash("sha256");
  hash.update(`${process.platform} ${process.arch}\n`);
  for (const [path, text] of texts) {
    hash.update(`${path} ${text.length}\n${text}\n`);
  }
  return hash.digest("hex");
}

function hasPinnedNode(root, manifest) {
  return manifest.devDependencies?.node === undefined || existsSync(join(root, "node_modules", ".bin", "node"));
}

function stampPath(root) {
  return join(root, "node_modules", ".weft-install");
}

function readOptional(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function parseOptional(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
