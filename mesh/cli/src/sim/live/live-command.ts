import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Architecture, compileModel, ModelError, type Study } from "@weft/simulator";
import { ReplicationPool, runStudy } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError, describeError } from "../../cli-error.ts";
import { commonArgs, parseDuration } from "../../command-line/options.ts";
import { readRegistry } from "../../registry/instance-records.ts";
import { redisArgs, withRegistry } from "../../registry/registry-access.ts";
import { parseMetrics } from "../../top/parse-metrics.ts";
import { fetchMetrics } from "../../top/sampler.ts";
import { showProgress } from "../progress.ts";
import { wholeFrom } from "../study-options.ts";
import { compareLive } from "./compare-live.ts";
import { formatLive } from "./format-live.ts";
import { modelOfMesh } from "./mesh-model.ts";
import { type InstanceScrapes, type ObservedService, observeMesh } from "./observe-mesh.ts";

const replications = 20;
const leastWindowMs = 2000;
/** Simulated time for a figure: enough calls for a p99 whatever the rate. */
const leastSimulatedMs = 60_000;

export const simLiveCommand = defineCommand({
  meta: {
    name: "live",
    description:
      "Make a model of the running mesh from its own metrics, simulate it, and show prediction beside reality. How long things " +
      "take is learnt in the first half of the time, and compared in the second. Example: weft sim live --for 60s --output mesh.json",
  },
  args: {
    for: { type: "string", description: "How long to watch", default: "30s", valueHint: "30s" },
    seed: { type: "string", description: "Of the first replication", default: "1" },
    output: { type: "string", description: "Where to write the model, for the other commands", valueHint: "file" },
    json: { type: "boolean", description: "Print JSON" },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args }) {
    const halfMs = parseDuration("--for", args.for) / 2;
    if (halfMs < leastWindowMs / 2)
      throw new CliError(`--for is "${args.for}"; it takes ${leastWindowMs / 1000}s at least`);
    const progress = (text: string) => process.stderr.write(`${text}\n`);
    const [learnt, compared] = await withRegistry(args.redis, async (redis) => {
      const scrape = async () => await scrapeAll((await readRegistry(redis)).instances);
      progress(`watching for ${args.for}: learning in the first half, comparing in the second`);
      const start = await scrape();
      await delay(halfMs);
      const middle = await scrape();
      await delay(halfMs);
      const end = await scrape();
      return [between(start, middle), between(middle, end)];
    });
    const { architecture, assumptions } = modelOfMesh(learnt, compared);
    if (architecture.workloads.length === 0) {
      throw new CliError("nobody called a service while it was watched", {
        next: "send requests to the mesh, or watch for longer with --for",
      });
    }
    const plan = {
      seed: wholeFrom("--seed", args.seed, 0, 2 ** 32 - 1),
      durationMs: Math.max(leastSimulatedMs, halfMs),
      warmupMs: 0,
      load: 1,
      replications,
      precision: undefined,
    };
    assertModel(architecture);
    const study = await simulate(architecture, plan);
    const figures = compareLive(compared, study);
    if (args.output !== undefined) {
      await writeFile(args.output, `${JSON.stringify({ ...architecture }, null, 2)}\n`).catch((error: unknown) => {
        throw new CliError(`${args.output} cannot be written: ${describeError(error)}`, { cause: error });
      });
    }
    const result = { figures, assumptions };
    process.stdout.write(args.json ? `${JSON.stringify(result, null, 2)}\n` : formatLive(result));
  },
});

/** Services that call each other in a circle, for one, make no model. */
function assertModel(architecture: Architecture): void {
  try {
    compileModel(architecture);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new CliError(`this mesh cannot be simulated: ${error.message}`, { cause: error });
  }
}

async function simulate(architecture: Architecture, plan: Parameters<typeof runStudy>[1]): Promise<Study> {
  const pool = new ReplicationPool(architecture);
  const progress = showProgress(process.stderr);
  try {
    return (await runStudy(pool, plan, progress.report)).study;
  } finally {
    progress.end();
    await pool.end();
  }
}

interface Scraped {
  readonly atMs: number;
  readonly byInstance: ReadonlyMap<string, { readonly service: string; readonly scrape: InstanceScrapes["after"] }>;
}

/** Everybody at once; who does not answer is left out. */
async function scrapeAll(records: Awaited<ReturnType<typeof readRegistry>>["instances"]): Promise<Scraped> {
  const atMs = performance.now();
  const found = await Promise.all(
    records.map(async ({ name, instanceId, address, ports }) => {
      if (ports.metrics === undefined) return [];
      try {
        const scrape = parseMetrics(await fetchMetrics(address, ports.metrics));
        return [[instanceId, { service: name, scrape }] as const];
      } catch {
        return [];
      }
    }),
  );
  return { atMs, byInstance: new Map(found.flat()) };
}

/** Of the instances that answered both times. */
function between(before: Scraped, after: Scraped): ObservedService[] {
  const scrapes = [...after.byInstance].flatMap(([id, { service, scrape }]) => {
    const earlier = before.byInstance.get(id);
    return earlier === undefined ? [] : [{ service, before: earlier.scrape, after: scrape }];
  });
  return observeMesh(scrapes, (after.atMs - before.atMs) / 1000);
}
