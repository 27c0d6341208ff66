import { defineCommand } from "citty";
import { commonArgs, parseDuration } from "../command-line/options.ts";
import { portOffsetFrom, statePaths } from "../workspace/state-directory.ts";
import { findWorkspaceRoot, loadServices } from "../workspace/workspace.ts";
import { parseInstances, planUp, splitNames } from "./plan.ts";
import { stopSignals } from "./stop-signals.ts";
import { up } from "./up.ts";

export const upCommand = defineCommand({
  meta: {
    name: "up",
    description:
      "Start PostgreSQL, Redis and every service, keep them running, and stop all with Ctrl-C. " +
      "DATABASE_URL and REDIS_URL name servers to use instead; WEFT_PORT_OFFSET shifts all ports, for a second copy.",
  },
  args: {
    only: { type: "string", description: "Start only these services, separated by commas", valueHint: "auth,user" },
    instances: { type: "string", description: "Instances per service (1 to 5)", valueHint: "auth=2" },
    "start-timeout": { type: "string", description: "How long a service may take to get ready", default: "90s" },
    "stop-timeout": {
      type: "string",
      description: "How long a service may take to stop before SIGKILL",
      default: "10s",
    },
    ...commonArgs,
  },
  async run({ args }) {
    const root = findWorkspaceRoot(process.cwd());
    const portOffset = portOffsetFrom(process.env);
    const services = loadServices(root);
    const plan = planUp(services, {
      portOffset,
      entranceScheme: (process.env.WEFT_PUBLIC_TLS_CERT ?? "") === "" ? "http" : "https",
      ...(args.only === undefined ? {} : { only: splitNames(args.only) }),
      ...(args.instances === undefined ? {} : { instances: parseInstances(args.instances) }),
    });
    const { stop, forceStop } = stopSignals();
    await up({
      services,
      plan,
      paths: statePaths(root, portOffset, process.env),
      env: process.env,
      startTimeoutMs: parseDuration("--start-timeout", args["start-timeout"]),
      stopTimeoutMs: parseDuration("--stop-timeout", args["stop-timeout"]),
      stop,
      forceStop,
    });
  },
});
