import colors from "../command-line/colors.ts";
import { formatSpan, formatTable } from "../command-line/table.ts";
import type { InstanceStatus, SystemStatus } from "./system-status.ts";

/** A heartbeat older than this was missed: instances send one every five seconds. */
const staleHeartbeatMs = 10_000;

/** The state of the system as a person reads it. */
export function formatStatus(status: SystemStatus, nowMs: number): string {
  const headings = ["SERVICE", "INSTANCE", "HEALTH", "CHECKS", "PORTS", "VERSION", "UPTIME", "HEARTBEAT"];
  const rows = status.instances.map((instance) => instanceRow(instance, nowMs));
  for (const name of status.missing) {
    rows.push([name, "-", colors.red("missing"), "not registered", "", "", "", ""]);
  }
  const stores = status.stores.map(({ name, ok, url, description, error }) => [
    name,
    ok ? colors.green("up") : colors.red("down"),
    url,
    error ?? description,
  ]);
  return [
    ...(status.address === null ? [] : [`address ${status.address}`, ""]),
    rows.length === 0 ? "no instance is registered" : formatTable(headings, rows),
    ...status.unreadable.map((key) => colors.red(`the record ${key} cannot be read`)),
    "",
    formatTable(["STORE", "STATE", "URL", ""], stores),
  ].join("\n");
}

/** The same for programs. */
export function statusJson(status: SystemStatus, up: boolean): unknown {
  return {
    up,
    address: status.address,
    stores: status.stores,
    instances: status.instances.map(({ record, readiness, heartbeatAgeMs }) => ({
      ...record,
      ready: readiness.ready,
      checks: readiness.checks,
      ...(readiness.reason === undefined ? {} : { reason: readiness.reason }),
      heartbeatAgeMs,
    })),
    missing: status.missing,
    unreadable: status.unreadable,
  };
}

function instanceRow({ record, readiness, heartbeatAgeMs }: InstanceStatus, nowMs: number): string[] {
  const { ports } = record;
  const age = formatSpan(heartbeatAgeMs);
  const passed = readiness.checks.filter(({ ok }) => ok).length;
  const summary = readiness.checks.length === 0 ? "-" : `${passed}/${readiness.checks.length} ok`;
  return [
    record.name,
    record.instanceId,
    readiness.ready ? colors.green("ready") : colors.red(record.status === "draining" ? "draining" : "not ready"),
    readiness.ready ? summary : (readiness.reason ?? summary),
    Object.entries(ports)
      .map(([name, port]) => `${name} ${port}`)
      .join(", "),
    record.version || "-",
    record.startedAtMs === 0 ? "-" : formatSpan(nowMs - record.startedAtMs),
    heartbeatAgeMs > staleHeartbeatMs ? colors.yellow(`${age} ago`) : `${age} ago`,
  ];
}
