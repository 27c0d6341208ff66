import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv, execPath, exit } from "node:process";

/*
 * Makes the package that is published: `node mesh/realtime/build.ts <folder>` compiles src/ into <folder>/dist, with types,
 * and writes a package.json that leads there. It is compiled against the types of browsers alone, without those of Node.
 */

const home = import.meta.dirname;
const [, , folder] = argv;
if (folder === undefined) {
  console.error("say where to: node mesh/realtime/build.ts <folder>");
  exit(2);
}
const target = resolve(folder);
mkdirSync(target, { recursive: true });
const compiler = resolve(home, "../../node_modules/typescript/bin/tsc");
const settings = ["-p", join(home, "tsconfig.build.json"), "--outDir", join(target, "dist")];
const { status } = spawnSync(execPath, [compiler, ...settings], { stdio: "inherit" });
if (status !== 0) {
  exit(status ?? 1);
}
const { devDependencies: _, ...manifest } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
const published = {
  ...manifest,
  files: ["dist"],
  sideEffects: false,
  exports: Object.fromEntries(
    Object.entries<string>(manifest.exports).map(([name, source]) => [name, builtFrom(source)]),
  ),
};
writeFileSync(join(target, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
copyFileSync(join(home, "README.md"), join(target, "README.md"));
copyFileSync(resolve(home, "../../LICENSE"), join(target, "LICENSE"));

function builtFrom(source: string): { readonly types: string; readonly default: string } {
  const path = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
  return { types: `${path}.d.ts`, default: `${path}.js` };
}
