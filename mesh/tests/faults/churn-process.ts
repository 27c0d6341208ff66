import { setTimeout as pause } from "node:timers/promises";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { type Instance, startService } from "../../src/index.ts";
import { silentLogger } from "../../src/testing/index.ts";
import { fixtureRoutes, order } from "./fixture-routes.ts";

/*
 * Connects and disconnects as often as CHURN_CONNECTIONS says, both ends in this process, and tells its parent what is
 * left. An instance that registers makes the caller fill its pool; one that deregisters makes it close it. Run with
 * --expose-gc, so that what counts as left is what the collector cannot take.
 */
export interface ChurnReport {
  readonly heapGrowthBytes: number;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const connectionsPerRound = 20;
const rounds = Math.ceil(Number(process.env.CHURN_CONNECTIONS) / connectionsPerRound);
/** Until caches, pools of buffers and compiled code have their size. */
const warmUpRounds = 50;

const common = { version: "1.0.0", basePort: 50_000, handleSignals: false, logger: silentLogger };
const target = await startService({
  ...common,
  name: "hidden-service",
  setup: () => ({ routes: fixtureRoutes({ label: "churned", slowMs: 0 }) }),
});
const { mesh } = await startService({
  ...common,
  name: "caller-service",
  peers: {
    "user-service": {
      services: [UserService],
      pool: { minConnections: connectionsPerRound, maxConnections: connectionsPerRound },
    },
  },
  setup: () => ({ routes: () => undefined }),
});
const users = mesh.client(UserService);

const resources = (): string[] =>
  process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== "Immediate")
    .sort();
const sockets = (): number => resources().filter((kind) => kind === "TCPSocketWrap").length;

/** No deadline: the parent has one. */
async function untilSockets(fits: (open: number) => boolean): Promise<void> {
  while (!fits(sockets())) {
    await pause(1);
  }
}

async function round(index: number): Promise<void> {
  const idle = sockets();
  const record: Instance = { ...target.instance, name: "user-service", instanceId: `user-service-${index}` };
  const registration = await mesh.registry.register(record);
  // The server's ends; those of idle callers do not keep a process alive and are not counted.
  await untilSockets((open) => open >= idle + connectionsPerRound);
  for (let call = 0; call < 5; call += 1) {
    await users.getUserById({ userId: order(`${index}`) });
  }
  await registration.deregister();
  await untilSockets((open) => open === idle);
}

async function heapBytes(): Promise<number> {
  for (let pass = 0; pass < 5; pass += 1) {
    await pause(20);
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

for (let index = 0; index < warmUpRounds; index += 1) {
  await round(index);
}
const heapBefore = await heapBytes();
const before = resources();
for (let index = 0; index < rounds; index += 1) {
  await round(warmUpRounds + index);
}
const report: ChurnReport = { heapGrowthBytes: (await heapBytes()) - heapBefore, before, after: resources() };
process.send?.(report, () => process.exit(0));
