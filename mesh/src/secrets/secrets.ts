/**
 * Where secrets come from: the environment variable `NAME`, or the file that `NAME_FILE` names, as Docker and Kubernetes
 * mount them. Outside development a missing one is an error that names both; nothing has a default that could reach
 * production. In development a value may be generated, which is then kept in a file only its owner can read, so that
 * sessions and data survive a restart.
 */
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Secrets {
  /** The value without a trailing line break; never empty. Rejects with `MissingSecretError`. */
  get(name: string): Promise<string>;
}

export interface SecretsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Allows generated values. Default false. */
  readonly development?: boolean;
  /** Makes the value of a secret that is given nowhere; undefined means that it cannot be made up. */
  readonly generate?: (name: string) => string | undefined | Promise<string | undefined>;
  /** Folder for generated values; made when needed, readable by its owner alone. */
  readonly generatedDir?: string;
}

export class MissingSecretError extends Error {
  override readonly name = "MissingSecretError";
  readonly secret: string;

  constructor(secret: string, detail: string, cause?: unknown) {
    super(`secret ${secret} is missing: ${detail}`, { cause });
    this.secret = secret;
  }
}

const SECRET_NAME = /^[A-Z][A-Z0-9_]*$/;

export function createSecrets(options: SecretsOptions): Secrets {
  const found = new Map<string, Promise<string>>();
  return {
    get: async (name) => {
      if (!SECRET_NAME.test(name)) {
        throw new RangeError(`name: "${name}" is not made of capital letters, digits and underscores`);
      }
      const known = found.get(name);
      if (known !== undefined) return known;
      const value = findSecret(name, options);
      found.set(name, value);
      // A failure is not remembered: a file may be mounted a moment later.
      value.catch(() => found.delete(name));
      return value;
    },
  };
}

async function findSecret(name: string, options: SecretsOptions): Promise<string> {
  const { environment, development = false } = options;
  const value = environment[name];
  const file = environment[`${name}_FILE`];
  if (value !== undefined && value !== "") {
    if (file !== undefined && file !== "") {
      throw new MissingSecretError(
        name,
        `both ${name} and ${name}_FILE are set, and which one counts would be a guess`,
      );
    }
    return value;
  }
  if (file !== undefined && file !== "") return readSecretFile(name, file);
  const generated = development ? await generatedSecret(name, options) : undefined;
  if (generated !== undefined) return generated;
  throw new MissingSecretError(name, `set ${name}, or ${name}_FILE to the path of a file that holds it`);
}

async function readSecretFile(name: string, file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new MissingSecretError(name, `${name}_FILE names ${file}, which cannot be read`, cause);
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new MissingSecretError(name, `${name}_FILE names ${file}, which is empty`);
  return value;
}

/** Drafts of this process, so that each has its own name. */
let drafts = 0;

async function generatedSecret(name: string, { generate, generatedDir }: SecretsOptions): Promise<string | undefined> {
  if (generate === undefined || generatedDir === undefined) return undefined;
  const file = join(generatedDir, name);
  const kept = await readFile(file, "utf8").catch(() => "");
  if (kept !== "") return kept;
  const value = await generate(name);
  if (value === undefined) return undefined;
  await mkdir(generatedDir, { recursive: true, mode: 0o700 });
  const draft = join(generatedDir, `.${name}.${process.pid}.${++drafts}`);
  await writeFile(draft, value, { mode: 0o600, flag: "wx" });
  try {
    // Linking shows the file whole or not at all, and fails when another process was first: both then use one value.
    await link(draft, file);
    return value;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return readFile(file, "utf8");
    throw error;
  } finally {
    await unlink(draft);
  }
}
