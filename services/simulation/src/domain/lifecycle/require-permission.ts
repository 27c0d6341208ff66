import { SimulationError } from "./errors.ts";
import type { Access, Caller, SimulationPermission } from "./ports.ts";

/**
 * Passes when the caller may do this in the project. Otherwise throws: for who has no role there is no such thing, which is what
 * `unknown` says; everybody else hears what they lack.
 */
export async function requirePermission(
  access: Pick<Access, "check">,
  caller: Caller,
  permission: SimulationPermission,
  projectId: string,
  unknown: () => Error,
): Promise<void> {
  const { allowed, role } = await access.check(caller.userId, permission, projectId);
  if (allowed) {
    return;
  }
  if (role === "") {
    throw unknown();
  }
  throw new SimulationError("not_allowed", `a ${role} of the project may not do this; it needs ${permission}`);
}
