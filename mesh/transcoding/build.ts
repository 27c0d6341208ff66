import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv, execPath, exit } from "node:process";

/*
 * Makes the package that is published: `node mesh/transcoding/build.ts <folder>` compiles src/ into <folder>/dist, with
 * types, and writes a package.json whose exports lead there. Inside the repository the sources are run as they are; from
 * node_modules Node refuses to.
 */

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const home = import.meta.dirname;
const [, , folder] = argv;
if (folder === undefined) {
  console.error("say where to: node mesh/transcoding/build.ts <folder>");
  exit(2);
}
const target = resolve(folder);
mkdirSync(target, { recursive: true });
const compiler = resolve(home, "../../node_modules/typescript/bin/tsc");
const { status } = spawnSync(
  execPath,
  [compiler, "-p", join(home, "tsconfig.build.json"), "--outDir", join(target, "dist")],
  {
    stdio: "inherit",
  },
);
if (status !== 0) {
  exit(status ?? 1);
}
const {
  devDependencies: _,
  dependencies,
  ...manifest
} = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Manifest;
const built = (source: string, extension: string) => source.replace("./src/", "./dist/").replace(/\.ts$/, extension);
const exported = Object.entries(manifest.exports).map(([path, source]) => [
  path,
  { types: built(source, ".d.ts"), default: built(source, ".js") },
]);
// Peers, for there must be one ConnectError and one set of descriptors in a process: the user's.
const peerDependencies = Object.fromEntries(
  Object.entries(dependencies).map(([name, version]) => [name, `^${version}`]),
);
const published = {
  ...manifest,
  files: ["dist"],
  exports: Object.fromEntries(exported),
  peerDependencies,
  engines: { node: ">=20" },
};
writeFileSync(join(target, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
copyFileSync(join(home, "README.md"), join(target, "README.md"));
copyFileSync(resolve(home, "../../LICENSE"), join(target, "LICENSE"));
