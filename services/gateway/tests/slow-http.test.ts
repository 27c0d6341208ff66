import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { stripVTControlCharacters } from "node:util";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/*
 * Clients that hold connections by being slow, as Debian's slowhttptest plays them: heads and bodies that drip, answers that
 * are read byte by byte, ranges without end. All four at once, for seconds in `npm test` and minutes by `npm run
 * test:fuzz`, with honest callers in between; slowhttptest looks from time to time whether it is still served itself.
 * Skipped where the program is not installed. That such clients are cut off in time is shown in raw-http.test.ts and
 * slow-reader.test.ts, without it.
 */

const isInstalled = spawnSync("slowhttptest", ["-h"]).error === undefined;
const isFull = process.env.WEFT_FUZZ === "full";
const attack = isFull ? { connections: 1000, seconds: 120 } : { connections: 150, seconds: 4 };

/**
 * How long slowhttptest waits for an answer before it calls the server unavailable. Where the backlog of connections overflows
 * on a slow machine, a probe may be told to come back only by the sixth repetition of its SYN, after a minute.
 */
const probeSeconds = 90;

/** What each kind of attack is asked to do; every one of these pages can be had by anybody. */
const attacks = {
  "slow heads": ["-H", "-i", "1", "-u", "/healthz"],
  "slow bodies": ["-B", "-i", "1", "-s", "8192", "-f", "application/json", "-u", "/api/auth/login"],
  "slow reading": ["-X", "-n", "1", "-z", "32", "-w", "512", "-y", "1024", "-k", "3", "-u", "/openapi.json"],
  ranges: ["-R", "-t", "GET", "-a", "10", "-b", "3000", "-u", "/openapi.json"],
} as const;

let harness: GatewayHarness;

beforeAll(async () => {
  harness = await startGateway({
    routes: (router) => router.service(ProjectService, { getProject: ({ id }) => ({ project: { id, name: "n" } }) }),
  });
});
afterAll(() => harness.stop());

/** Everything the program says, without its colours. Ends when its time is over. */
async function run(args: readonly string[]): Promise<string> {
  const url = `${harness.url}${args.at(-1)}`;
  const size = ["-c", attack.connections, "-r", attack.connections, "-l", attack.seconds, "-p", probeSeconds].map(
    String,
  );
  const child = spawn("slowhttptest", [...args.slice(0, -1), url, ...size], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  await once(child, "close");
  return stripVTControlCharacters(output);
}

/**
 * The status of a call on a connection of its own, as who comes anew has to get one. Not by fetch, which gives a connection
 * ten seconds: a machine with thousands of attackers on it and others at work may take longer.
 */
function ask(): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { headers: { authorization: "Bearer alice" }, agent: false };
    const call = get(`${harness.url}/api/projects/p`, options, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode));
      answer.once("error", reject);
    });
    call.once("error", reject);
  });
}

describe.skipIf(!isInstalled)("under clients that are slow on purpose (needs slowhttptest)", () => {
  it(
    "honest ones are served",
    async () => {
      let goesOn = true;
      const outcomes = new Set<unknown>();
      const honest = async (): Promise<void> => {
        while (goesOn) {
          outcomes.add(await ask().catch((error: unknown) => error));
        }
      };
      const serving = Promise.all([honest(), honest()]);
      const reports = await Promise.all(
        Object.entries(attacks).map(async ([name, args]) => [name, await run(args)] as const),
      );
      goesOn = false;
      await serving;
      expect([...outcomes]).toEqual([200]);
      // That there was an attack at all; not how far each of them came in its time on a slow machine.
      expect(reports.some(([, report]) => /(?:connected|closed): +[1-9]/.test(report))).toBe(true);
      for (const [name, report] of reports) {
        expect(report, name).toMatch(/service available: +YES/);
        expect(report, name).not.toMatch(/service available: +NO/);
      }
    },
    (attack.seconds + 120) * 1000,
  );
});
