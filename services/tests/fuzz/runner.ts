import type { System } from "../system.ts";
import { faultOf } from "./judge.ts";
import { Random } from "./random.ts";
import { type FuzzRequest, fuzzRequest, sideDoor } from "./requests.ts";
import { createSender, type FuzzAnswer, type Sender } from "./send.ts";
import { described, shrink } from "./shrink.ts";
import { endWhatBegan, goodRequest, publicMethods, type World } from "./world.ts";

/*
 * Sends case after case, some at a time, and keeps the first of every kind of fault, made as small as can be. Case n of a
 * seed is the same in every run, but for the ids of the world; the order in which answers come is not.
 */

export interface RunOptions {
  readonly seed: number;
  /** Whether case n is still to be sent. */
  readonly goesOn: (index: number) => boolean;
  readonly concurrency: number;
}

export interface RunReport {
  readonly sent: number;
  /** How many answers had which status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests that were told to come later, which is no fault but worth a look, and how many of each kind. */
  readonly slow: Readonly<Record<string, number>>;
  /** The smallest request of each kind of fault, in words. */
  readonly findings: readonly string[];
}

/** More kinds of fault than this are not looked for: the first ones have to be mended anyway. */
const maxFindings = 40;

export async function runRequests(system: System, world: World, options: RunOptions): Promise<RunReport> {
  const sender = createSender(system.address, options.concurrency);
  const statuses: Record<string, number> = {};
  const slow: Record<string, number> = {};
  const findings = new Map<string, string>();
  let next = 0;
  let sent = 0;
  const work = async (): Promise<void> => {
    while (findings.size < maxFindings && options.goesOn(next)) {
      const index = next++;
      const request = requestOf(world, options.seed, index);
      const answer = await sender.send(request);
      sent += 1;
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      if (answer.status === 503 || answer.status === 504) {
        const name = `${answer.status} ${request.name}, ${request.what}`;
        slow[name] = (slow[name] ?? 0) + 1;
      }
      const fault = faultOf(request, answer);
      const kind = `${request.name} ${request.protocol} ${kindOf(fault)}`;
      if (fault !== undefined && !findings.has(kind)) {
        findings.set(kind, "");
        findings.set(kind, await finding(sender, request, answer, fault, `seed ${options.seed}, case ${index}`));
      }
      await endWhatBegan(system, world, request.name, answer.status, answer.body.toString());
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  sender.close();
  return { sent, statuses, slow, findings: [...findings.values()] };
}

/** Case `index` of a seed. Methods take turns. */
function requestOf(world: World, seed: number, index: number): FuzzRequest {
  const random = new Random(seed, index);
  const method = publicMethods[index % publicMethods.length] as (typeof publicMethods)[number];
  const { owner, other } = world;
  const token = random.chance(0.92) ? owner.accessToken : random.pick([other.accessToken, ""]);
  if (random.chance(0.05)) {
    return sideDoor(token, random);
  }
  const request = fuzzRequest(method, goodRequest(method, world), token, random);
  // Only who may do it is told which field is at fault.
  const { fault: _, ...anyhow } = request;
  return token === owner.accessToken ? request : anyhow;
}

async function finding(
  sender: Sender,
  request: FuzzRequest,
  first: FuzzAnswer,
  fault: string,
  origin: string,
): Promise<string> {
  let answer = first;
  const smallest = await shrink(request, async (smaller) => {
    const again = await sender.send(smaller);
    const same = kindOf(faultOf(smaller, again)) === kindOf(fault);
    answer = same ? again : answer;
    return same;
  });
  const said = `${answer.status} ${answer.body.toString().slice(0, 400)}`;
  return `${request.name}, ${origin}: ${fault}\n  ${described(smallest)}\n  answered: ${said}`;
}

/** Faults of one kind differ in numbers and names only. */
function kindOf(fault: string | undefined): string {
  return fault === undefined
    ? ""
    : fault.startsWith("a leak") || fault.startsWith("status")
      ? fault
      : (fault.split(":")[0] ?? "");
}
