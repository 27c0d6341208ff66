import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";

/*
 * What there is to run. The command line knows no service by name: each package under `services/` says in the field
 * "weft" of its package.json how it is started:
 *
 *   "weft": { "service": "auth-service", "basePort": 9000, "entry": "src/main.ts", "database": "auth_schema" }
 *
 * `database` is the schema it owns, or null. `startAfter` names services that must be ready before it starts; without
 * it a service is expected to wait for its peers by itself, and all start at once. `portsPerInstance` is the size of an
 * instance's block of ports where it is not 4.
 */

/** One service of the workspace. */
export interface ServiceDefinition {
  readonly service: string;
  readonly version: string;
  readonly basePort: number;
  readonly portsPerInstance: number;
  /** Absolute path of the program. */
  readonly entry: string;
  /** Absolute path of its package. */
  readonly directory: string;
  /** The schema it owns; null when it stores nothing. */
  readonly database: string | null;
  readonly startAfter: readonly string[];
}

/** The nearest directory at or above `from` whose package.json declares workspaces. Throws CliError when there is none. */
export function findWorkspaceRoot(from: string): string {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const manifest = readManifest(join(directory, "package.json"));
    if (manifest?.workspaces !== undefined) {
      return directory;
    }
    if (directory === dirname(directory)) {
      throw new CliError(`there is no workspace at or above ${resolve(from)}: no package.json with "workspaces"`, {
        next: "run weft inside a checkout",
      });
    }
  }
}

/** All services of a workspace, by base port. Throws CliError naming the file and the field that is wrong. */
export function loadServices(root: string): ServiceDefinition[] {
  const services = globSync("services/*/package.json", { cwd: root })
    .map((file) => serviceFrom(join(root, file)))
    .filter((service) => service !== undefined)
    .sort((a, b) => a.basePort - b.basePort);
  for (const [index, service] of services.entries()) {
    const twin = services.slice(index + 1).find((other) => other.service === service.service);
    if (twin !== undefined) {
      throw new CliError(
        `two packages call their service "${service.service}": ${service.directory}, ${twin.directory}`,
      );
    }
    const unknown = service.startAfter.find((name) => !services.some((other) => other.service === name));
    if (unknown !== undefined) {
      throw new CliError(
        `${join(service.directory, "package.json")}: weft.startAfter names "${unknown}", which is no service`,
      );
    }
  }
  if (services.length === 0) {
    throw new CliError(`no package in ${join(root, "services")} has the field "weft"`, {
      next: 'add "weft": { "service": …, "basePort": …, "entry": … } to a service\'s package.json',
    });
  }
  return services;
}

function serviceFrom(file: string): ServiceDefinition | undefined {
  const manifest = readManifest(file);
  const weft = manifest?.weft;
  if (weft === undefined) {
    return undefined;
  }
  if (typeof weft !== "object" || weft === null || Array.isArray(weft)) {
    throw new CliError(`${file}: the field "weft" must be an object`);
  }
  const {
    service,
    basePort,
    entry,
    database = null,
    startAfter = [],
    portsPerInstance = 4,
  } = weft as Record<string, unknown>;
  const directory = dirname(file);
  const refuse = (field: string, expected: string) => new CliError(`${file}: weft.${field} must be ${expected}`);
  if (typeof service !== "string" || !/^[a-z][a-z0-9-]*$/.test(service)) {
    throw refuse("service", "a name of lower-case letters, digits and dashes");
  }
  if (typeof basePort !== "number" || !Number.isInteger(basePort) || basePort < 1 || basePort > 65_515) {
    throw refuse("basePort", "a whole number from 1 to 65515");
  }
  if (
    typeof portsPerInstance !== "number" ||
    !Number.isInteger(portsPerInstance) ||
    portsPerInstance < 4 ||
    portsPerInstance > 20
  ) {
    throw refuse("portsPerInstance", "a whole number from 4 to 20");
  }
  if (typeof entry !== "string") {
    throw refuse("entry", "the path of the program, such as src/main.ts");
  }
  if (!existsSync(join(directory, entry))) {
    throw new CliError(`${file}: weft.entry names ${entry}, which does not exist`);
  }
  if (database !== null && (typeof database !== "string" || !/^[a-z_][a-z0-9_]{0,62}$/.test(database))) {
    throw refuse("database", "null or a schema name of lower-case letters, digits and underscores");
  }
  if (!Array.isArray(startAfter) || !startAfter.every((name) => typeof name === "string")) {
    throw refuse("startAfter", "a list of service names");
  }
  const version = typeof manifest?.version === "string" ? manifest.version : "";
  return {
    service,
    version,
    basePort,
    portsPerInstance,
    entry: join(directory, entry),
    directory,
    database,
    startAfter,
  };
}

function readManifest(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new CliError(`${file} is not valid JSON`, { cause });
  }
}
