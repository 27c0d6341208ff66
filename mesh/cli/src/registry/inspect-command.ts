import type { Instance } from "@weft/mesh/registry";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { commonArgs } from "../command-line/options.ts";
import { readRegistry } from "./instance-records.ts";
import { redisArgs, withRegistry } from "./registry-access.ts";

export const inspectCommand = defineCommand({
  meta: { name: "inspect", description: "Print the registry's records of a service as JSON." },
  args: {
    service: { type: "positional", description: "Name of the service; -service may be left out", required: true },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args }) {
    const { instances } = await withRegistry(args.redis, readRegistry);
    const found = instancesOf(instances, args.service);
    if (found.length === 0) {
      const names = [...new Set(instances.map(({ name }) => name))];
      throw new CliError(`no instance of "${args.service}" is registered`, {
        next:
          names.length === 0
            ? "the registry is empty; start the system with `npm start`"
            : `registered: ${names.join(", ")}`,
      });
    }
    process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  },
});

/** The instances of a service by its full name, or by the name without "-service". */
export function instancesOf(instances: readonly Instance[], name: string): Instance[] {
  const exact = instances.filter((instance) => instance.name === name);
  return exact.length > 0 ? exact : instances.filter((instance) => instance.name === `${name}-service`);
}
