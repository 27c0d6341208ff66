import { setTimeout as sleep } from "node:timers/promises";
import { type DecodedFrame, decodeFrame } from "@weft/simulator/frames";
import { LatencyRecorder } from "../latency.ts";
import { clientComponents } from "./running-simulation.ts";
import type { Heard, Viewer } from "./viewer.ts";

/*
 * From the engine's clock to a viewer: a frame says when the run's thread put it together, and each viewer when it arrived;
 * both are wall clocks of this machine. Frames of JSON carry no such stamp: a viewer beside the fifty hears the same
 * simulation in binary all the time, and tells by the frame's number when it was put together.
 *
 * Messages are counted honestly: nobody gets 100 000 of them one by one. A frame says how many requests each component
 * answered since the frame before, per simulated second; those that crossed a link to get there are the messages that it
 * shows, as aggregates. A viewer is credited with them only when it heard the frame before as well.
 */

export interface FrameFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Gaps in the numbers that viewers heard. */
  readonly lost: number;
  readonly frames: number;
  /** Per viewer and second. */
  readonly framesPerSecond: number;
  readonly bytesPerFrame: number;
  /** Simulated messages shown to each viewer per wall second. */
  readonly messagesPerSecond: number;
}

/** Hears frames in binary beside whatever is measured. */
export class Reference {
  /** When each frame was put together. Some hundreds are enough: viewers hear them within moments. */
  readonly #composedAtMs = new Map<number, number>();
  readonly #waiting = new Map<number, ((composedAtMs: number) => void)[]>();
  #last: DecodedFrame | undefined;
  #messages = 0;

  constructor(viewer: Viewer) {
    viewer.listener = (heard) => this.#hear(heard);
  }

  /** Simulated messages shown since the start. */
  get messages(): number {
    return this.#messages;
  }

  /** Calls back when the frame's time is known, at once when it is. */
  composedAtMs(sequence: number, use: (composedAtMs: number) => void): void {
    const known = this.#composedAtMs.get(sequence);
    if (known !== undefined) {
      use(known);
      return;
    }
    this.#waiting.set(sequence, [...(this.#waiting.get(sequence) ?? []), use]);
  }

  #hear(heard: Heard): void {
    if (heard.form !== "binary") {
      return;
    }
    const decoded = decodeFrame(heard.bytes);
    const { sequence } = decoded.frame;
    this.#messages += messagesOf(decoded, this.#last);
    this.#last = decoded;
    this.#composedAtMs.set(sequence, decoded.composedAtMs);
    this.#composedAtMs.delete(sequence - 1000);
    for (const use of this.#waiting.get(sequence) ?? []) {
      use(decoded.composedAtMs);
    }
    this.#waiting.delete(sequence);
  }
}

/** Subscribes all viewers anew and listens to them for this long, after a second of warm-up. */
export async function measureFrames(
  viewers: readonly Viewer[],
  reference: Reference,
  { encoding, seconds }: { readonly encoding: "json" | "binary"; readonly seconds: number },
): Promise<FrameFigures> {
  const latencies = new LatencyRecorder();
  let bytes = 0;
  let frames = 0;
  let lost = 0;
  let messages = 0;
  let isMeasuring = false;
  const count = (size: number, sequence: number, before: number): void => {
    frames += 1;
    bytes += size;
    lost += Math.max(0, sequence - before - 1);
  };
  for (const viewer of viewers) {
    let before: DecodedFrame | undefined;
    let lastSequence = Number.POSITIVE_INFINITY;
    viewer.listener = (heard) => {
      if (heard.form !== encoding) {
        return;
      }
      if (heard.form === "json") {
        const { sequence } = heard.push.data;
        if (isMeasuring) {
          count(heard.bytes, sequence, lastSequence);
          reference.composedAtMs(sequence, (composedAtMs) => latencies.record(heard.arrivedAtMs - composedAtMs));
        }
        lastSequence = sequence;
        return;
      }
      const decoded = decodeFrame(heard.bytes);
      if (isMeasuring) {
        count(heard.bytes.byteLength, decoded.frame.sequence, lastSequence);
        latencies.record(heard.arrivedAtMs - decoded.composedAtMs);
        messages += messagesOf(decoded, before);
      }
      before = decoded;
      lastSequence = decoded.frame.sequence;
    };
  }
  await Promise.all(viewers.map((viewer) => viewer.subscribe(encoding)));
  await sleep(1000);
  const startedMs = performance.now();
  const shownBefore = reference.messages;
  isMeasuring = true;
  await sleep(seconds * 1000);
  isMeasuring = false;
  const measuredSeconds = (performance.now() - startedMs) / 1000;
  return {
    p50Ms: latencies.percentileMs(50),
    p99Ms: latencies.percentileMs(99),
    maxMs: latencies.percentileMs(100),
    lost,
    frames,
    framesPerSecond: frames / viewers.length / measuredSeconds,
    bytesPerFrame: bytes / frames,
    // Frames of JSON are of the same simulation: what they show is counted where it is decoded anyway.
    messagesPerSecond:
      (encoding === "binary" ? messages / viewers.length : reference.messages - shownBefore) / measuredSeconds,
  };
}

/** Requests that crossed a link and were answered since the frame before; 0 when that was not heard. */
function messagesOf({ frame }: DecodedFrame, before: DecodedFrame | undefined): number {
  if (before === undefined || before.frame.sequence !== frame.sequence - 1) {
    return 0;
  }
  const seconds = (frame.simulatedMs - before.frame.simulatedMs) / 1000;
  return frame.components.reduce(
    (sum, { id, requestsPerSecond }) => sum + (clientComponents.has(id) ? 0 : requestsPerSecond * seconds),
    0,
  );
}
