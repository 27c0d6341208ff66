import { join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";

/** Where one copy of the system keeps everything; a copy with a port offset has its own. */
export interface StatePaths {
  readonly portOffset: number;
  readonly directory: string;
  readonly logs: string;
  readonly postgres: string;
  readonly redis: string;
  /** What services may keep for themselves (WEFT_DATA_DIR). */
  readonly serviceData: string;
  readonly secretsFile: string;
  readonly lockFile: string;
  /** What runs now, for the other commands. */
  readonly runFile: string;
  /** Compiled code, shared by all copies. */
  readonly compileCache: string;
}

/** The paths of the copy with this offset: WEFT_STATE_DIR, or `.weft/`, or `.weft/offset-<n>/`. */
export function statePaths(root: string, portOffset: number, env: NodeJS.ProcessEnv): StatePaths {
  const shared = join(root, ".weft");
  const given = env.WEFT_STATE_DIR?.trim() ?? "";
  const directory = given !== "" ? resolve(given) : portOffset === 0 ? shared : join(shared, `offset-${portOffset}`);
  return {
    portOffset,
    directory,
    logs: join(directory, "logs"),
    postgres: join(directory, "postgres"),
    redis: join(directory, "redis"),
    serviceData: join(directory, "data"),
    secretsFile: join(directory, "secrets.json"),
    lockFile: join(directory, "up.lock"),
    runFile: join(directory, "run.json"),
    compileCache: join(shared, "cache"),
  };
}

/** WEFT_PORT_OFFSET as a number, 0 when unset. Throws CliError naming the limits. */
export function portOffsetFrom(env: NodeJS.ProcessEnv): number {
  const text = env.WEFT_PORT_OFFSET?.trim() ?? "";
  const offset = text === "" ? 0 : Number(text);
  if (!Number.isInteger(offset) || offset < 0 || offset > 40_000) {
    throw new CliError(`WEFT_PORT_OFFSET is "${text}"; it takes a whole number from 0 to 40000`);
  }
  return offset;
}
