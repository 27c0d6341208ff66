import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { FlushPacer } from "./flush-pacer.ts";

let nowMs = 0;
let flushes = 0;
let pacer: FlushPacer;

beforeEach(() => {
  nowMs = 1000;
  flushes = 0;
  pacer = new FlushPacer(
    () => {
      flushes += 1;
      pacer.flushed();
    },
    () => nowMs,
  );
});

const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test("what is planned in one turn leaves at its end, once", async () => {
  pacer.plan(1);
  pacer.plan(2);
  expect(flushes).toBe(0);
  await tick();
  expect(flushes).toBe(1);
  await turn();
  expect(flushes).toBe(1);
});

test("few calls never wait for the last batch", async () => {
  for (let sent = 1; sent <= 3; sent += 1) {
    pacer.plan(15);
    await tick();
    expect(flushes).toBe(sent);
  }
});

test("many wait until a tenth of a millisecond has passed since", async () => {
  pacer.plan(16);
  await tick();
  expect(flushes).toBe(1);
  nowMs += 0.06;
  pacer.plan(16);
  await turn();
  await turn();
  pacer.plan(17);
  expect(flushes).toBe(1);
  nowMs += 0.05;
  await turn();
  expect(flushes).toBe(2);
});

test("many do not wait when the last batch is longer ago", async () => {
  pacer.flushed();
  nowMs += 0.1;
  pacer.plan(500);
  await tick();
  expect(flushes).toBe(1);
});
