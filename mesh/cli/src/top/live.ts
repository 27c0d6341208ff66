import type { EventEmitter } from "node:events";
import { type Colors, renderScreen } from "./render.ts";
import type { TopView } from "./sampler.ts";
import { Screen, type ScreenOutput } from "./screen.ts";
import { actionsFrom, applyAction, type SortName, type TopState } from "./top-state.ts";

/*
 * The live view: takes the terminal, draws at each new view, key and change of size, and gives the terminal back on whatever
 * ends it: q, a signal, the terminal going away, an error. A crash of the process is told after the screen is closed, so
 * that it can be read.
 */

/** Standard input and output, and the process whose end must not leave the terminal as it is. */
export interface LiveTerminal {
  readonly input: EventEmitter & { setRawMode(raw: boolean): unknown; resume(): unknown; pause(): unknown };
  readonly output: EventEmitter & ScreenOutput & { readonly columns: number; readonly rows: number };
  readonly process: EventEmitter;
}

export interface LiveOptions {
  readonly terminal: LiveTerminal;
  readonly colors: Colors;
  readonly sort: SortName;
  readonly intervalMs: number;
  /** Gets the next view. */
  readonly view: () => Promise<TopView>;
  /** Resolves after a time, or at once when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Numbers of the signals that end it: a shell expects 128 and the number. */
const endSignals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Runs until somebody ends it; the exit code. Rejects when the first view cannot be had. */
export async function runLive({ terminal, colors, sort, intervalMs, view, wait }: LiveOptions): Promise<number> {
  const { input, output } = terminal;
  const screen = new Screen(output);
  const ended = new AbortController();
  let exitCode = 0;
  let state: TopState = { sort, paused: false, selected: undefined };
  let latest = await view();
  const draw = (): void => {
    const size = { width: output.columns || 80, height: output.rows || 24 };
    screen.draw(renderScreen(latest, state, size, colors));
  };
  const release = (): void => {
    screen.close();
    try {
      input.setRawMode(false);
    } catch {
      // The terminal has gone away, and with it its mode.
    }
  };
  // The terminal is given back at once; a scrape under way may take a second more.
  const end = (code: number): void => {
    exitCode = code;
    release();
    ended.abort();
  };
  const onInput = (data: Buffer | string): void => {
    for (const action of actionsFrom(data.toString())) {
      if (action === "quit") {
        end(0);
        return;
      }
      state = applyAction(state, action, latest);
    }
    draw();
  };
  const listeners: [EventEmitter, string, (...args: never[]) => void][] = [
    [input, "data", onInput],
    [input, "end", () => end(endSignals.SIGHUP + 128)],
    [input, "error", () => end(endSignals.SIGHUP + 128)],
    [output, "error", () => end(endSignals.SIGHUP + 128)],
    [output, "resize", draw],
    [terminal.process, "exit", release],
    [terminal.process, "uncaughtExceptionMonitor", release],
    ...Object.entries(endSignals).map(([name, number]): [EventEmitter, string, () => void] => [
      terminal.process,
      name,
      () => end(128 + number),
    ]),
  ];
  for (const [emitter, name, listener] of listeners) {
    emitter.on(name, listener as (...args: unknown[]) => void);
  }
  try {
    input.setRawMode(true);
    input.resume();
    screen.open();
    draw();
    for (;;) {
      await wait(intervalMs, ended.signal);
      if (ended.signal.aborted) {
        return exitCode;
      }
      if (!state.paused) {
        latest = await view();
        draw();
      }
    }
  } finally {
    release();
    input.pause();
    for (const [emitter, name, listener] of listeners) {
      emitter.off(name, listener as (...args: unknown[]) => void);
    }
  }
}
