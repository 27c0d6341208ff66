import { join } from "node:path";
import { describeError } from "../cli-error.ts";
import type { StatePaths } from "../workspace/state-directory.ts";
import { type MadeCertificates, makeCertificates } from "./make-certificates.ts";

/*
 * The certificates of one run of `weft up`: with WEFT_MTLS=on and no certificates named, they are made before the first
 * service starts, and renewed while it runs. With others named, those are their issuer's business.
 */
export interface RunCertificates {
  /** What services get beside their other variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly made: MadeCertificates | undefined;
  /** Stops renewing. */
  stop(): void;
}

/** A certificate is renewed with more than two of its seven days left. */
const renewalIntervalMs = 6 * 3_600_000;

const variables = ["WEFT_CERTS_DIR", "WEFT_TLS_CERT", "WEFT_TLS_KEY", "WEFT_TLS_CA"];

/** Throws CliError when the certificates cannot be made. */
export async function prepareRunCertificates(
  paths: Pick<StatePaths, "directory">,
  env: NodeJS.ProcessEnv,
  services: readonly string[],
  onFailure: (text: string) => void,
): Promise<RunCertificates> {
  const named = variables.some((name) => (env[name]?.trim() ?? "") !== "");
  if (env.WEFT_MTLS?.trim() !== "on" || named) {
    return { env: {}, made: undefined, stop: () => undefined };
  }
  const directory = join(paths.directory, "certs");
  const make = (): Promise<MadeCertificates> => makeCertificates({ directory, services, nowMs: Date.now() });
  const made = await make();
  const timer = setInterval(() => {
    make().catch((error: unknown) => onFailure(`certificates could not be renewed: ${describeError(error)}`));
  }, renewalIntervalMs);
  timer.unref();
  return { env: { WEFT_CERTS_DIR: directory }, made, stop: () => clearInterval(timer) };
}
