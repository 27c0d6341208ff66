import type { Instance } from "@weft/mesh/registry";
import { defineCommand } from "citty";
import type { Redis } from "ioredis";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs, parseDuration } from "../command-line/options.ts";
import { removeRecord, writeRecord } from "./instance-records.ts";
import { redisArgs, withRegistry } from "./registry-access.ts";

export const registerCommand = defineCommand({
  meta: {
    name: "register",
    description:
      "Put an instance into the registry by hand, for a service that does not register itself. " +
      "The record expires after --ttl; with --forever it is refreshed until this command ends, and then withdrawn.",
  },
  args: {
    service: { type: "positional", description: "Name of the service, such as billing-service", required: true },
    address: { type: "positional", description: "Where its gRPC port is: host:port", required: true },
    services: {
      type: "string",
      description: "Protobuf services it serves",
      valueHint: "acme.billing.v1.BillingService",
    },
    id: { type: "string", description: "Instance id (default: made from the address)" },
    ports: { type: "string", description: "Further ports", valueHint: "http=8081,health=8083" },
    version: { type: "string", description: "Version it runs", default: "" },
    ttl: { type: "string", description: "How long the record lives", default: "15s" },
    forever: { type: "boolean", description: "Refresh the record until interrupted" },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args }) {
    const now = Date.now();
    const record = recordFrom({
      service: args.service,
      address: args.address,
      services: args.services ?? "",
      id: args.id,
      ports: args.ports ?? "",
      version: args.version,
      nowMs: now,
    });
    const ttlMs = parseDuration("--ttl", args.ttl);
    if (ttlMs < 1_000) {
      throw new CliError(`--ttl is ${args.ttl}; the least is 1s`);
    }
    await withRegistry(args.redis, async (redis) => {
      await writeRecord(redis, record, ttlMs);
      const how = args.forever ? "refreshed until this command ends" : `for ${args.ttl}`;
      process.stdout.write(`registered ${record.name}/${record.instanceId} at ${args.address}, ${how}\n`);
      if (args.forever) {
        await refreshUntilSignal(redis, record, ttlMs);
      }
    });
  },
});

export interface RegisterInput {
  readonly service: string;
  readonly address: string;
  readonly services: string;
  readonly id: string | undefined;
  readonly ports: string;
  readonly version: string;
  readonly nowMs: number;
}

/** Makes the record from what was typed. Throws CliError naming the part that is wrong. Pure. */
export function recordFrom(input: RegisterInput): Instance {
  if (!/^[a-z][a-z0-9-]*$/.test(input.service)) {
    throw new CliError(`"${input.service}" is no service name; use lower-case letters, digits and dashes`);
  }
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._-]+)):(\d+)$/.exec(input.address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw new CliError(`"${input.address}" is no address; write host:port, such as 10.0.0.7:9000`);
  }
  const ports: Record<string, number> = { grpc: portNumber(input.address, port ?? "") };
  for (const part of input.ports.split(",").filter((text) => text.trim() !== "")) {
    const [, name, number] = /^\s*([a-z]+)=(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined) {
      throw new CliError(`--ports holds "${part}"; write name=port, such as health=8083`);
    }
    ports[name] = portNumber(part, number ?? "");
  }
  return {
    name: input.service,
    instanceId: input.id ?? `manual-${input.address.replaceAll(/[^A-Za-z0-9.]+/g, "-")}`,
    version: input.version,
    address: host,
    ports,
    status: "ready",
    health: "healthy",
    services: input.services
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    zone: "",
    startedAtMs: input.nowMs,
    timestamp: input.nowMs,
  };
}

function portNumber(where: string, text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) {
    throw new CliError(`"${where}" holds the port ${text}; ports go from 1 to 65535`);
  }
  return port;
}

async function refreshUntilSignal(redis: Redis, record: Instance, ttlMs: number): Promise<void> {
  let failing = false;
  const refresh = async () => {
    try {
      await writeRecord(redis, { ...record, timestamp: Date.now() }, ttlMs);
      failing = false;
    } catch (error) {
      if (!failing) {
        process.stderr.write(`the record could not be refreshed: ${describeError(error)}; trying on\n`);
      }
      failing = true;
      await redis.connect().catch(() => undefined);
    }
  };
  const timer = setInterval(() => void refresh(), ttlMs / 3);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  clearInterval(timer);
  await removeRecord(redis, record.name, record.instanceId);
  process.stdout.write(`withdrew ${record.name}/${record.instanceId}\n`);
}
