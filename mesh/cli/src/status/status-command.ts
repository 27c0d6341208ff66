import { defineCommand } from "citty";
import colors from "../command-line/colors.ts";
import { commonArgs } from "../command-line/options.ts";
import { findRun, redisArgs, registryUrl } from "../registry/registry-access.ts";
import { formatStatus, statusJson } from "./format-status.ts";
import { isAllUp, readSystemStatus } from "./system-status.ts";

export const statusCommand = defineCommand({
  meta: {
    name: "status",
    description:
      "Show every registered instance with its health, checks, ports, version and heartbeat, and the stores. " +
      "The exit code is 1 when something is down or nothing runs.",
  },
  args: {
    json: { type: "boolean", description: "Print JSON" },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args }) {
    const run = await findRun();
    const url = registryUrl(args.redis, run);
    if (url === undefined) {
      process.exitCode = 1;
      const nothing = { up: false, address: null, stores: [], instances: [], missing: [], unreadable: [] };
      process.stdout.write(
        args.json
          ? `${JSON.stringify(nothing, null, 2)}\n`
          : `nothing is running here\n${colors.bold("next:")}  start the system with \`npm start\`, or name a registry: --redis redis://host:6379\n`,
      );
      return;
    }
    const status = await readSystemStatus(url, run, Date.now);
    const up = isAllUp(status);
    process.exitCode = up ? 0 : 1;
    const text = args.json ? JSON.stringify(statusJson(status, up), null, 2) : formatStatus(status, Date.now());
    process.stdout.write(`${text}\n`);
    if (!up && !args.json) {
      const next =
        run === undefined && status.instances.length === 0
          ? "start the system with `npm start`"
          : "`weft logs --level warn` shows why";
      process.stdout.write(`\n${colors.red("something is down")}; ${next}\n`);
    }
  },
});
