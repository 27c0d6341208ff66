import { join, resolve } from "node:path";
import { portOffsetFrom, statePaths } from "../workspace/state-directory.ts";
import { findWorkspaceRoot } from "../workspace/workspace.ts";

/** Where certificates are: as named by an option or WEFT_CERTS_DIR, else where `weft up` keeps those of this copy. */
export function certificatesDirectory(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const named = option ?? env.WEFT_CERTS_DIR?.trim() ?? "";
  if (named !== "") {
    return resolve(named);
  }
  return join(statePaths(findWorkspaceRoot(process.cwd()), portOffsetFrom(env), env).directory, "certs");
}
