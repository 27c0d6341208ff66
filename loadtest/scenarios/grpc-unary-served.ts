import { execFile, execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ContenderId } from "../contenders/contender.ts";
import { encodeAnswer, encodeRequest } from "../contenders/hand-codec.ts";
import type { Phase } from "../profiles/profile.ts";
import { formatNumber } from "../report/table.ts";
import { answerFor, questions } from "../workload.ts";
import { h2loadArguments, parseH2load, servedLoad } from "./h2load.ts";
import { measureEach, noteWrong, type Scenario } from "./scenario.ts";

/*
 * What a client that is not ours gets: plain gRPC unary calls, each on its own HTTP/2 stream, against our server and
 * against grpc-js's. The driver is h2load, which a server of Node cannot outrun; without it, a process of ours that says so.
 */

const id = "grpc-unary-served";
const contenders: readonly ContenderId[] = ["weft", "grpc-js"];
const prefixBytes = 5;
const graceMs = 15_000;
const run = promisify(execFile);

interface Served {
  readonly callsPerSecond: number;
  readonly wrong: number;
  readonly firstError: string | undefined;
}

export function createGrpcUnaryServed(): Scenario {
  const withH2load = hasH2load();
  const driver = withH2load ? "h2load" : "a node:http2 driver, as h2load is not installed, which is likely the limit";
  const drive = withH2load ? byH2load : byNode;
  return {
    id,
    needs: contenders,
    once: false,
    measure: (context) =>
      measureEach(context, id, contenders, async (pair) => {
        const { samples, round, profile } = context;
        const warmUpMs = round === 0 ? profile.firstServedWarmUpMs : profile.served.warmUpMs;
        const result = await drive(pair.port, await writeBody(context.crew.folder), { ...profile.served, warmUpMs });
        noteWrong(samples, id, pair.contender, result);
        samples.add(id, pair.contender, round, result.callsPerSecond);
        return `${formatNumber(result.callsPerSecond)} calls/s`;
      }),
    rules: [
      {
        id: `${id}/grpc-js`,
        what: `plain gRPC unary served on ${servedLoad.connections} connections of ${servedLoad.streams} streams, driven by ${driver}`,
        series: id,
        unit: "calls/s",
        better: "more",
        ours: "weft",
        peer: "grpc-js",
        atLeast: 1,
      },
    ],
    charts: [{ series: id, title: "Plain gRPC unary served", unit: "calls/s", better: "more" }],
  };
}

function hasH2load(): boolean {
  try {
    execFileSync("h2load", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function byH2load(port: number, bodyFile: string, phase: Phase): Promise<Served> {
  const limit = { timeout: phase.warmUpMs + phase.measureMs + graceMs, killSignal: "SIGKILL" as const };
  const { stdout } = await run("h2load", h2loadArguments({ port, bodyFile, ...phase }), limit);
  const report = parseH2load(stdout);
  if (report === undefined) {
    throw new Error(`h2load printed no report:\n${stdout}`);
  }
  // Those that were in flight at the end have bytes without being counted, so there may be more than that, never less.
  const answered = Math.floor(report.dataBytes / (prefixBytes + encodeAnswer(answerFor(question().token)).length));
  const empty = Math.max(0, report.succeeded - answered);
  return {
    callsPerSecond: report.requestsPerSecond,
    wrong: report.failed + empty,
    firstError: empty > 0 ? "answers without a message" : "requests failed at h2load",
  };
}

async function byNode(port: number, bodyFile: string, phase: Phase): Promise<Served> {
  const main = fileURLToPath(new URL("../processes/grpc-driver-main.ts", import.meta.url));
  const { connections, streams } = servedLoad;
  const numbers = [connections, streams, phase.warmUpMs, phase.measureMs].map(String);
  const limit = { timeout: phase.warmUpMs + phase.measureMs + graceMs, killSignal: "SIGKILL" as const };
  const { stdout } = await run(process.execPath, [main, String(port), bodyFile, ...numbers], limit);
  const report = JSON.parse(stdout) as { succeeded: number; failed: number; elapsedMs: number };
  return {
    callsPerSecond: (report.succeeded * 1000) / report.elapsedMs,
    wrong: report.failed,
    firstError: "calls failed at the driver",
  };
}

/** Puts the one request into a file: uncompressed flag, length, message. */
async function writeBody(folder: string): Promise<string> {
  const message = encodeRequest(question().token);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  const bodyFile = join(folder, "request");
  await writeFile(bodyFile, Buffer.concat([prefix, message]));
  return bodyFile;
}

function question(): { readonly token: string } {
  const [first] = questions;
  if (first === undefined) {
    throw new Error("there are no questions");
  }
  return first;
}
