import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import type { ClientIdentity } from "@weft/mesh/identity";
import { CliError, describeError } from "../cli-error.ts";

/*
 * As which service `weft call` calls where mTLS is on: a name, short or whole, and the folder with its certificate.
 */

/** A service whose certificate this call shows. */
export interface Caller {
  readonly service: string;
  readonly identity: ClientIdentity;
}

/** Throws CliError saying which services there are, or what is wrong with the files. */
export async function readCaller(name: string, directory: string, nowMs: number): Promise<Caller> {
  const { readClientIdentity } = await import("@weft/mesh/identity");
  const service = await findCertified(name, directory);
  try {
    return { service, identity: await readClientIdentity(service, directory, nowMs) };
  } catch (error) {
    throw new CliError(`this call cannot be made as ${service}: ${describeError(error)}`, { cause: error });
  }
}

async function findCertified(name: string, directory: string): Promise<string> {
  const files = await readdir(directory).catch((error: unknown) => {
    throw new CliError(`there are no certificates in ${directory}: ${describeError(error)}`, {
      cause: error,
      next: "make them with `weft certs`, or name their folder with --certs or WEFT_CERTS_DIR",
    });
  });
  const services = files
    .filter((file) => file.endsWith(".pem") && file !== "ca.pem")
    .map((file) => basename(file, ".pem"))
    .sort();
  const found = services.find((service) => service === name) ?? services.find((one) => one === `${name}-service`);
  if (found === undefined) {
    throw new CliError(`there is no certificate of "${name}" in ${directory}`, {
      next:
        services.length === 0
          ? "make certificates with `weft certs`, or name their folder with --certs or WEFT_CERTS_DIR"
          : `choose from: ${services.join(", ")}`,
    });
  }
  return found;
}
