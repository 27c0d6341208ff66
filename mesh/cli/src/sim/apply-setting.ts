import type { Architecture } from "@weft/project/architecture";
import { applySetting as apply, StudyError } from "@weft/simulator/studies";
import { CliError } from "../cli-error.ts";

/**
 * `--set checkout.instances=4`: the architecture with the setting; the given one is unchanged. Throws CliError, naming what is
 * near, when it cannot be.
 */
export function applySetting(architecture: Architecture, setting: string): Architecture {
  try {
    return apply(architecture, setting);
  } catch (error) {
    if (!(error instanceof StudyError)) throw error;
    const next = error.next === undefined ? {} : { next: error.next };
    throw new CliError(`--set ${error.message}`, { ...next, cause: error });
  }
}
