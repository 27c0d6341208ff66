import { readFile } from "node:fs/promises";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decisions } from "./decisions.ts";
import { type Hand, type IdentityHarness, startIdentity } from "./identity-harness.ts";

/*
 * What is decided while something is away that decisions are made with: the table in docs/security.md, cell by cell. A cell
 * says "open", or "closed" and the reason that a client is given, or "3 s, then closed" where memory is good until three
 * heartbeats have not come. Each question is asked twice, at once and three seconds later, with things that were not used
 * before.
 */

let harness: IdentityHarness;
let first: Hand;
let later: Hand;

const page = await readFile(new URL("../../../docs/security.md", import.meta.url), "utf8");
const [columns = [], ...rows] = tableOf("decision");
const heartbeatsMissedMs = 3000;

beforeAll(async () => {
  harness = await startIdentity();
});
afterAll(() => harness?.stop());

/** The cells of the table whose first column has this name, head first. */
function tableOf(firstColumn: string): string[][] {
  const lines = page.split("\n");
  const head = lines.findIndex((line) => line.startsWith(`| ${firstColumn} |`));
  const end = lines.findIndex((line, at) => at > head && !line.startsWith("|"));
  const cells = lines.slice(head, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return cells.filter((_, at) => at !== 1);
}

interface Said {
  readonly first: readonly string[];
  readonly later: readonly string[];
}

/** What may be answered by a cell of the table at once, and three seconds later: "open", or one of the reasons it names. */
function saidIn(name: string, away: string): Said {
  const cell = rows.find(([decision]) => decision === name)?.[columns.indexOf(away)] ?? "";
  const reasons = [...cell.matchAll(/`([\w ]+)`/g)].map(([, reason = ""]) => reason);
  const later = cell.startsWith("open") ? ["open"] : reasons;
  return { first: cell.startsWith("3 s") ? ["open"] : later, later };
}

/** What was stopped before may take a moment until everybody has found it again. */
async function handOut(): Promise<void> {
  let trouble: unknown;
  [first, later] = await until("all is there again", async () => {
    try {
      return [await harness.handOut(), await harness.handOut()] as const;
    } catch (error) {
      trouble = error;
      return undefined;
    }
  }).catch((cause: unknown) => {
    throw new Error(`${String(cause)}: ${String(trouble)}`, { cause: trouble });
  });
}

describe("the page", () => {
  it("has a row for each decision, and a column for each thing that can be away", () => {
    expect(columns).toEqual(["decision", "Redis", "PostgreSQL", "auth service", "mail server"]);
    expect(rows.map(([name]) => name)).toEqual(decisions.map(({ name }) => name));
  });
});

const outages = [
  { away: "mail server", take: async () => undefined, bringBack: async () => undefined },
  {
    away: "Redis",
    take: () => harness.fixture.redisStore.stop(),
    bringBack: () => harness.fixture.redisStore.start(),
  },
  {
    away: "PostgreSQL",
    take: () => harness.fixture.postgres.stop(),
    bringBack: () => harness.fixture.postgres.start(),
  },
  {
    away: "auth service",
    take: async () => harness.setReachable(false),
    bringBack: async () => harness.setReachable(true),
  },
];

describe.each(outages)("while away: $away", ({ away, take, bringBack }) => {
  beforeAll(async () => {
    await handOut();
    await take();
  });
  afterAll(() => bringBack());

  it.each(decisions)("ASVS 16.5.3: $name, or not, as the page says", async ({ name, ask }) => {
    expect(saidIn(name, away).first).toContain(await ask(harness, first));
  });

  it.each(decisions)("ASVS 16.5.3: $name, or not, as the page says for later", async ({ name, ask }) => {
    await harness.fixture.clock.advance(name === decisions[0]?.name ? heartbeatsMissedMs : 0);
    expect(saidIn(name, away).later).toContain(await ask(harness, later));
  });
});
