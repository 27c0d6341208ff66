import { posix } from "node:path";
import type { SourceImport } from "./source-imports.ts";

/*
 * Which file may import what: the rules of the tree, as data. Biome finds import cycles and forbidden globals, knip finds
 * what is unused or undeclared; what is left needs to know the packages of this repository, and is here.
 *
 * Types count as imports: a domain that names a generated type depends on it as much as one that calls it. Tests are free
 * to reach for what they test with, but stay inside their package like everybody.
 */

/** A package of this repository: its name, folder and the keys of its `exports`. */
export interface WorkspacePackage {
  readonly name: string;
  readonly folder: string;
  readonly exportedPaths: readonly string[];
}

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly imports: readonly SourceImport[];
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Packages that a domain may use: parsers and the like that do no I/O. By folder. */
const domainPackages: Readonly<Record<string, readonly string[]>> = {
  "services/project/src/domain/architecture/": ["yaml"],
};

/** A service's domain; the simulator is one that is a package of its own, so that it runs in browsers and on the command line. */
const domainFolder = /^services\/(?:[^/]+\/src\/domain|simulation\/engine\/src)\//;

/** Domains in packages of their own, which a domain may use like its own files. */
const sharedDomains: readonly string[] = ["@weft/simulator"];

/** The contracts that the mesh itself speaks, all others belong to services; and the package it answers REST with. */
const meshImports = /^@weft\/(proto\/(google|grpc|weft\/lane|weft\/options)\/|transcoding(\/|$))/;

/** An import with what every rule asks about it; `target` is a path from the root, set for relative imports only. */
interface ResolvedImport {
  readonly specifier: string;
  readonly target: string | undefined;
}

type Rule = (file: SourceFile, resolved: ResolvedImport, packages: readonly WorkspacePackage[]) => string | undefined;

const rules: readonly Rule[] = [
  staysInItsPackage,
  usesExportedPaths,
  domainStandsAlone,
  meshKnowsNoService,
  transcodingStandsAlone,
  compositionRootIsLast,
  testKitIsForTests,
];

/** What the imports of `files` break, in the order of the files. */
export function importViolations(
  files: readonly SourceFile[],
  packages: readonly WorkspacePackage[],
): readonly Violation[] {
  return files.flatMap((file) =>
    file.imports.flatMap(({ specifier, line }) => {
      const target = specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : undefined;
      return rules
        .map((rule) => rule(file, { specifier, target }, packages))
        .filter((message) => message !== undefined)
        .map((message) => ({ path: file.path, line, message: `"${specifier}": ${message}` }));
    }),
  );
}

function staysInItsPackage(
  file: SourceFile,
  { target }: ResolvedImport,
  packages: readonly WorkspacePackage[],
): string | undefined {
  if (target === undefined) {
    return undefined;
  }
  const home = homeOf(file.path, packages);
  return homeOf(target, packages) === home
    ? undefined
    : `leaves ${home} by a relative path; import the other package by its name`;
}

function usesExportedPaths(
  _file: SourceFile,
  { specifier }: ResolvedImport,
  packages: readonly WorkspacePackage[],
): string | undefined {
  if (!specifier.startsWith("@weft/")) {
    return undefined;
  }
  const name = specifier.split("/").slice(0, 2).join("/");
  const imported = packages.find((candidate) => candidate.name === name);
  if (imported === undefined) {
    return "there is no such package";
  }
  const path = `.${specifier.slice(name.length)}`;
  return imported.exportedPaths.some((pattern) => matchesExport(pattern, path))
    ? undefined
    : `${name} exports no such path (it exports ${imported.exportedPaths.join(", ") || "nothing"})`;
}

function domainStandsAlone(file: SourceFile, { specifier, target }: ResolvedImport): string | undefined {
  const domain = domainFolder.exec(file.path)?.[0];
  if (domain === undefined || isTest(file.path)) {
    return undefined;
  }
  if (target !== undefined) {
    return target.startsWith(domain) ? undefined : "a domain imports nothing outside its folder; ask for a port";
  }
  if (sharedDomains.includes(specifier)) {
    return undefined;
  }
  const allowed = Object.entries(domainPackages)
    .filter(([folder]) => file.path.startsWith(folder))
    .flatMap(([, names]) => names);
  return allowed.includes(specifier) ? undefined : "a domain imports no packages and no Node modules; ask for a port";
}

function meshKnowsNoService(file: SourceFile, { specifier }: ResolvedImport): string | undefined {
  if (!file.path.startsWith("mesh/src/") || !specifier.startsWith("@weft/") || isTest(file.path)) {
    return undefined;
  }
  return meshImports.test(specifier)
    ? undefined
    : "the mesh knows no service: of ours it imports only @weft/transcoding and the contracts google/*, grpc/*, weft/lane/* and weft/options/*";
}

function transcodingStandsAlone(file: SourceFile, { specifier }: ResolvedImport): string | undefined {
  const isOurs = specifier.startsWith("@weft/") && !specifier.startsWith("@weft/transcoding");
  return isOurs && file.path.startsWith("mesh/transcoding/src/") && !isTest(file.path) && !isTestKit(file.path)
    ? "this package is published by itself and knows no other of ours"
    : undefined;
}

function compositionRootIsLast(file: SourceFile, { target }: ResolvedImport): string | undefined {
  return target !== undefined && /^services\/[^/]+\/src\/main\.ts$/.test(target) && !isTest(file.path)
    ? "main.ts joins the parts and is imported by none of them"
    : undefined;
}

function testKitIsForTests(file: SourceFile, { specifier, target }: ResolvedImport): string | undefined {
  const isKit =
    specifier === "vitest" ||
    specifier === "fast-check" ||
    specifier === "@weft/mesh/testing" ||
    (target !== undefined && (isTestKit(target) || isTest(target)));
  return isKit && !isTest(file.path) && !isTestKit(file.path) && !file.path.endsWith(".config.ts")
    ? "only tests import this"
    : undefined;
}

/** The folder whose files may import each other by relative path: a workspace package, else a top-level folder. */
function homeOf(path: string, packages: readonly WorkspacePackage[]): string {
  const folders = packages.map(({ folder }) => folder).filter((folder) => path.startsWith(`${folder}/`));
  const innermost = folders.sort((a, b) => b.length - a.length)[0];
  return innermost ?? (path.includes("/") ? (path.split("/")[0] ?? "") : "the root folder");
}

function matchesExport(pattern: string, path: string): boolean {
  const [before, after] = pattern.split("*");
  if (before === undefined || after === undefined) {
    return pattern === path;
  }
  return path.startsWith(before) && path.endsWith(after) && path.length > before.length + after.length;
}

function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)tests\//.test(path);
}

function isTestKit(path: string): boolean {
  return /^mesh\/(transcoding\/)?src\/(.+\/)?testing\//.test(path);
}
