import { ConnectError } from "@connectrpc/connect";
import { MeshError, type MeshErrorCode } from "../errors.ts";

/*
 * What the end of an attempt says about its instance. Pure.
 *
 * An answer never speaks against it, not even INTERNAL: whoever finds an input that makes a service fail could otherwise
 * take it from everybody with ten calls. A connection that is refused or lost, and an answer that does not come in a fair
 * time, do. What the mesh ended itself, or the caller, says nothing either way.
 */
export type Outcome = "success" | "failure" | "neutral";

/** Nobody can blame an instance for not answering faster than this. */
const fairPatienceMs = 1000;

const blamingMeshCodes: ReadonlySet<MeshErrorCode> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "DEADLINE_EXCEEDED",
  "PROTOCOL_ERROR",
]);

/** `patienceMs` is the time that the caller gave the call: one that gives hardly any learns nothing by running out of it. */
export function blame(error: unknown, patienceMs: number): Outcome {
  if (error instanceof ConnectError) {
    return "success";
  }
  if (!(error instanceof MeshError) || !blamingMeshCodes.has(error.meshCode)) {
    return "neutral";
  }
  return error.meshCode === "DEADLINE_EXCEEDED" && patienceMs < fairPatienceMs ? "neutral" : "failure";
}
