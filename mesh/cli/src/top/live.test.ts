import { EventEmitter } from "node:events";
import picocolors from "picocolors";
import { describe, expect, test } from "vitest";
import { type LiveTerminal, runLive } from "./live.ts";
import type { TopView } from "./sampler.ts";

const takeOver = "\u001b[?1049h\u001b[?25l";
const giveBack = "\u001b[?25h\u001b[?1049l";

class FakeInput extends EventEmitter {
  raw = false;
  reading = false;
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  resume(): void {
    this.reading = true;
  }
  pause(): void {
    this.reading = false;
  }
}

class FakeOutput extends EventEmitter {
  columns = 100;
  rows = 10;
  written = "";
  write(text: string): void {
    this.written += text;
  }
}

/** A live view whose intervals end when the test says so. */
function start(views: (count: number) => Promise<TopView> = viewNumber) {
  const input = new FakeInput();
  const output = new FakeOutput();
  const process = new EventEmitter();
  const terminal: LiveTerminal = { input, output, process };
  let count = 0;
  let tick = (): void => undefined;
  let waiting = Promise.withResolvers<void>();
  const done = runLive({
    ...{ terminal, colors: picocolors.createColors(false), sort: "rate", intervalMs: 1000 },
    view: () => {
      count += 1;
      return views(count);
    },
    wait: (_, signal) =>
      new Promise((resolve) => {
        tick = resolve;
        signal.addEventListener("abort", () => resolve());
        if (signal.aborted) {
          resolve();
        }
        waiting.resolve();
      }),
  });
  done.catch(() => waiting.resolve());
  const untilWaiting = async (): Promise<void> => {
    await waiting.promise;
    waiting = Promise.withResolvers();
  };
  const nextTick = async (): Promise<void> => {
    tick();
    await untilWaiting();
  };
  return { input, output, process, done, untilWaiting, nextTick, scrapes: () => count };
}

const viewNumber = (count: number): Promise<TopView> =>
  Promise.resolve({ atMs: 0, instances: [], unreadable: [`view-${count}`], registryError: null });

describe("the live view", () => {
  test("takes the terminal, draws each view, and gives it back on q", async () => {
    const top = start();
    await top.untilWaiting();
    expect(top.input).toMatchObject({ raw: true, reading: true });
    expect(top.output.written.startsWith(takeOver)).toBe(true);
    expect(top.output.written).toContain("view-1");
    await top.nextTick();
    expect(top.output.written).toContain("view-2");
    top.input.emit("data", Buffer.from("q"));
    expect(await top.done).toBe(0);
    expect(top.output.written.endsWith(giveBack)).toBe(true);
    expect(top.input).toMatchObject({ raw: false, reading: false });
  });

  test("does not scrape while it is paused", async () => {
    const top = start();
    await top.untilWaiting();
    top.input.emit("data", "p");
    await top.nextTick();
    expect(top.scrapes()).toBe(1);
    expect(top.output.written).toContain("paused");
    top.input.emit("data", "p");
    await top.nextTick();
    expect(top.scrapes()).toBe(2);
    top.input.emit("data", "q");
    await top.done;
  });

  test("draws anew when the window changes", async () => {
    const top = start();
    await top.untilWaiting();
    top.output.rows = 3;
    const before = top.output.written.length;
    top.output.emit("resize");
    expect(top.output.written.slice(before).split("\r\n").length).toBe(3);
    top.input.emit("data", "q");
    await top.done;
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ])("gives the terminal back on %s, at once, and ends with %s", async (signal, code) => {
    const top = start();
    await top.untilWaiting();
    top.process.emit(signal);
    expect(top.output.written.endsWith(giveBack)).toBe(true);
    expect(top.input.raw).toBe(false);
    expect(await top.done).toBe(code);
  });

  test("gives it back when the process crashes or exits, and when the terminal goes away", async () => {
    for (const event of ["uncaughtExceptionMonitor", "exit"]) {
      const top = start();
      await top.untilWaiting();
      top.process.emit(event, new Error("crash"));
      expect(top.output.written.endsWith(giveBack)).toBe(true);
      top.input.emit("end");
      expect(await top.done).toBe(129);
    }
  });

  test("gives it back when a view fails, and leaves no listener behind", async () => {
    const top = start((count) => (count === 1 ? viewNumber(1) : Promise.reject(new Error("no view"))));
    await top.untilWaiting();
    void top.nextTick();
    await expect(top.done).rejects.toThrow("no view");
    expect(top.output.written.endsWith(giveBack)).toBe(true);
    for (const emitter of [top.input, top.output, top.process]) {
      expect(emitter.eventNames()).toEqual([]);
    }
  });

  test("does not take the terminal when the first view cannot be had", async () => {
    const top = start(() => Promise.reject(new Error("no registry")));
    await expect(top.done).rejects.toThrow("no registry");
    expect(top.output.written).toBe("");
  });
});
