import { weft } from "../contenders/weft.ts";
import { runOpenLoop } from "../processes/load.ts";
import type { LoadResult, TokenLoadOrder } from "../processes/orders.ts";

let connected: ReturnType<typeof weft.connect> | undefined;

/** Calls of ValidateToken to the auth service of a system, through the mesh, as its callers make them. */
export async function runTokenLoad({ redisUrl, tokens, ...phase }: TokenLoadOrder): Promise<LoadResult> {
  connected ??= weft.connect(0, { redisUrl, serviceName: "auth-service" });
  return runOpenLoop(await connected, phase, tokens);
}
