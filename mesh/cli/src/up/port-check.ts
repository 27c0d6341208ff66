import { CliError } from "../cli-error.ts";
import { isPortFree } from "../stores/free-port.ts";
import type { PlannedProcess } from "./plan.ts";
import { findPortHolder } from "./port-holder.ts";

/** Throws CliError naming the first port of the plan that somebody else holds, and who. */
export async function assertPortsFree(processes: readonly PlannedProcess[], portOffset: number): Promise<void> {
  for (const { definition, instance, ports } of processes) {
    for (const [name, port] of Object.entries(ports)) {
      if (await isPortFree(port)) {
        continue;
      }
      const holder = await findPortHolder(port);
      const who = holder === undefined ? "another process" : `process ${holder.pid} (${holder.command})`;
      const stop = holder === undefined ? "stop that process" : `stop it (kill ${holder.pid})`;
      // A service with a block of its own size names its ports differently, so only the standard names are said.
      const which = definition.portsPerInstance === 4 ? `the ${name} port` : "a port";
      throw new CliError(`port ${port}, ${which} of ${definition.service} ${instance}, is held by ${who}`, {
        next: `${stop}, or run beside it: WEFT_PORT_OFFSET=${portOffset + 100} npm start`,
      });
    }
  }
}
