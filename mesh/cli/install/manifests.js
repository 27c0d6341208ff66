import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InstallError } from "./install-error.js";

/**
 * The files that decide what node_modules holds: the root's package.json (parsed as `root`), and as `texts` those of the
 * workspaces and package-lock.json, by path, in a stable order. Throws InstallError when one is missing or not JSON.
 */
export function readManifests(root) {
  const texts = new Map();
  const read = (path) => {
    const text = readText(join(root, path));
    if (text !== undefined) {
      texts.set(path, text);
      return parse(path, text);
    }
    return undefined;
  };
  const manifest = read("package.json");
  if (manifest === undefined) {
    throw new InstallError(`${join(root, "package.json")} is missing`, "Run this inside a complete checkout.");
  }
  for (const folder of workspaceFolders(root, manifest.workspaces ?? [])) {
    read(`${folder}/package.json`);
  }
  const hasLockFile = read("package-lock.json") !== undefined;
  return { root: manifest, texts, hasLockFile };
}

function workspaceFolders(root, patterns) {
  return patterns.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) {
      return [pattern];
    }
    const parent = pattern.slice(0, -2);
    return readdirSync(join(root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${parent}/${entry.name}`)
      .sort();
  });
}

function parse(path, text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InstallError(`${path} is not valid JSON: ${cause.message}`, "Correct the file and try again.", { cause });
  }
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") {
      return undefined;
    }
    throw new InstallError(`${path} cannot be read (${cause.code})`, "Check who owns the checkout.", { cause });
  }
}
