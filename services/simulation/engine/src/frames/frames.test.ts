import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileModel } from "../model.ts";
import { exponential, singleStation } from "../scenario.ts";
import { Simulation } from "../simulation.ts";
import { type DecodedFrame, decodeFrame, looksLikeFrame } from "./decode-frame.ts";
import { encodeFrame, restampFrame } from "./encode-frame.ts";
import { FrameFormatError } from "./frame-format-error.ts";
import { frameJson } from "./frame-json.ts";
import { columns, frameStatuses, headerBytes, leastColumns, leastHeaderBytes, offsets } from "./layout.ts";
import { selectComponents } from "./select-components.ts";

const figure = fc.float({ noNaN: true });
const exact = fc.double({ noNaN: true });
const text = fc.string({ unit: "grapheme", maxLength: 12 });
const component = fc.record({
  id: text,
  requestsPerSecond: figure,
  failuresPerSecond: figure,
  utilization: figure,
  queueLength: figure,
  inFlight: figure,
  p50Ms: figure,
  p95Ms: figure,
  p99Ms: figure,
});
const anyFrame: fc.Arbitrary<DecodedFrame> = fc.record({
  simulationId: text,
  status: fc.constantFrom(...frameStatuses),
  composedAtMs: exact,
  skipped: fc.nat(),
  frame: fc.record({
    sequence: fc.maxSafeNat(),
    simulatedMs: exact,
    durationMs: exact,
    speed: exact,
    load: exact,
    total: fc.record({
      requestsPerSecond: figure,
      failuresPerSecond: figure,
      goodputPerSecond: figure,
      goodputRatio: figure,
      p50Ms: figure,
      p95Ms: figure,
      p99Ms: figure,
      inFlight: exact,
      completed: exact,
      failed: exact,
    }),
    components: fc.array(component, { maxLength: 6 }),
    bottleneck: text,
  }),
});
const encode = ({ frame, ...stamp }: DecodedFrame) => encodeFrame(frame, stamp);

function sample(): DecodedFrame {
  const simulation = new Simulation(compileModel(singleStation(100, { serviceTime: exponential(8) })), {
    seed: 1,
    durationMs: 10_000,
  });
  simulation.runUntil(2000);
  const stamp = { simulationId: "s1", status: "RUNNING", composedAtMs: 1_700_000_000_000.25, skipped: 0 } as const;
  return { ...stamp, frame: simulation.frame(1) };
}

/** The sample with one thing changed. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = encode(sample());
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

describe("a frame in bytes", () => {
  test("comes back as it was, wherever it lies in memory", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(9), (given, offset) => {
        const bytes = encode(given);
        const elsewhere = new Uint8Array(offset + bytes.byteLength);
        elsewhere.set(bytes, offset);
        expect(decodeFrame(elsewhere.subarray(offset))).toEqual(given);
      }),
    );
  });

  test("holds what a run shows, with the precision of Float32 for rates and all digits for counts", () => {
    const { frame } = sample();
    const read = decodeFrame(encode(sample()));
    expect(read).toMatchObject({ simulationId: "s1", status: "RUNNING", composedAtMs: 1_700_000_000_000.25 });
    expect(read.frame).toMatchObject({ sequence: 1, simulatedMs: 2000, load: 1, speed: 1 });
    expect(read.frame.total.completed).toBe(frame.total.completed);
    expect(read.frame.components.map(({ id }) => id)).toEqual(["client", "station"]);
    expect(read.frame.components[1]?.utilization).toBe(Math.fround(frame.components[1]?.utilization ?? 0));
    expect(read.frame.components[1]?.utilization).toBeGreaterThan(0.5);
    expect(read.frame.total).toMatchObject({ goodputPerSecond: read.frame.total.requestsPerSecond, goodputRatio: 1 });
    const { p50Ms = 0, p95Ms = 0, p99Ms = 0 } = read.frame.components[1] ?? {};
    expect(0 < p50Ms && p50Ms < p95Ms && p95Ms < p99Ms).toBe(true);
  });

  test("is read or refused with a reason, and nothing else, whatever the bytes are", () => {
    const read = (bytes: Uint8Array): void => {
      try {
        decodeFrame(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameFormatError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), read));
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyFrame, damage, fc.nat(), (given, spots, cut) => {
        const bytes = encode(given);
        for (const [at, value] of spots) {
          bytes[at % bytes.byteLength] = value;
        }
        read(bytes);
        read(bytes.subarray(0, cut % bytes.byteLength));
        read(Uint8Array.of(...bytes, cut % 256));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["not-a-frame", new Uint8Array(0)],
    ["not-a-frame", new TextEncoder().encode('{"sequence":1}'.padEnd(200))],
    ["truncated", encode(sample()).subarray(0, leastHeaderBytes - 1)],
    ["truncated", encode(sample()).subarray(0, -1)],
    ["truncated", changed((view) => view.setUint16(offsets.components, 65_535, true))],
    ["malformed", Uint8Array.of(...encode(sample()), 0)],
    ["unknown-version", changed((view) => view.setUint8(offsets.version, 2))],
    ["malformed", changed((view) => view.setUint8(offsets.status, 6))],
    ["malformed", changed((view) => view.setFloat64(offsets.sequence, 0.5, true))],
    ["malformed", changed((view) => view.setFloat64(offsets.sequence, Number.NaN, true))],
    ["malformed", changed((view) => view.setUint16(offsets.headerBytes, 8, true))],
    ["malformed", changed((view) => view.setUint16(offsets.columns, leastColumns - 1, true))],
    ["malformed", changed((_, bytes) => bytes.fill(0xff, -1))],
  ] as const)("is refused as %s (%#)", (fault, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(expect.objectContaining({ name: "FrameFormatError", fault }));
  });

  test("of a later writer with more header fields and columns reads as what is known of it", () => {
    const bytes = encode(sample());
    const textsAt = headerBytes + columns.length * 2 * 4;
    const later = Uint8Array.of(
      ...bytes.subarray(0, headerBytes),
      ...new Uint8Array(8).fill(7),
      ...bytes.subarray(headerBytes, textsAt),
      ...new Uint8Array(2 * 4).fill(9),
      ...bytes.subarray(textsAt),
    );
    const view = new DataView(later.buffer);
    view.setUint16(offsets.headerBytes, headerBytes + 8, true);
    view.setUint16(offsets.columns, columns.length + 1, true);
    expect(decodeFrame(later)).toEqual(decodeFrame(bytes));
  });

  test("of an earlier writer has what that did not know as NaN", () => {
    const bytes = encode(sample());
    const columnsEnd = headerBytes + leastColumns * 2 * 4;
    const earlier = Uint8Array.of(
      ...bytes.subarray(0, leastHeaderBytes),
      ...bytes.subarray(headerBytes, columnsEnd),
      ...bytes.subarray(headerBytes + columns.length * 2 * 4),
    );
    const view = new DataView(earlier.buffer);
    view.setUint16(offsets.headerBytes, leastHeaderBytes, true);
    view.setUint16(offsets.columns, leastColumns, true);
    const { frame, ...stamp } = decodeFrame(bytes);
    const unknown = { goodputPerSecond: Number.NaN, goodputRatio: Number.NaN };
    const components = frame.components.map((one) => ({ ...one, p95Ms: Number.NaN }));
    const total = { ...frame.total, ...unknown };
    expect(decodeFrame(earlier)).toEqual({ ...stamp, frame: { ...frame, total, components } });
  });

  test("takes another number, status and count of skipped frames without touching the bytes given", () => {
    const bytes = encode(sample());
    const before = Uint8Array.from(bytes);
    const read = decodeFrame(restampFrame(bytes, { sequence: 77, status: "PAUSED", skipped: 3 }));
    expect(read).toEqual({
      ...decodeFrame(bytes),
      status: "PAUSED",
      skipped: 3,
      frame: { ...decodeFrame(bytes).frame, sequence: 77 },
    });
    expect(bytes).toEqual(before);
    expect(looksLikeFrame(bytes)).toBe(true);
  });

  test("with names too long to count is refused where it is made", () => {
    const { frame, ...stamp } = sample();
    expect(() => encodeFrame({ ...frame, bottleneck: "x".repeat(65_536) }, stamp)).toThrow(RangeError);
  });
});

describe("selectComponents", () => {
  test("keeps what is asked for, with totals and bottleneck", () => {
    const whole = decodeFrame(encode(sample()));
    const [, station] = whole.frame.components;
    const some = decodeFrame(encode(selectComponents(whole, ["station", "nobody"])));
    expect(some).toEqual({ ...whole, frame: { ...whole.frame, components: [station] } });
    expect(selectComponents(whole, []).frame).toEqual({ ...whole.frame, components: [] });
  });
});

describe("frameJson", () => {
  test("is short where Float32 is, and leaves unknown figures empty", () => {
    const whole = decodeFrame(encode(sample()));
    const total = { ...whole.frame.total, p50Ms: Math.fround(0.3), p95Ms: Number.NaN, p99Ms: Math.fround(123.456) };
    const json = JSON.parse(frameJson({ ...whole, frame: { ...whole.frame, total } }));
    expect(json).toMatchObject({
      simulationId: "s1",
      sequence: 1,
      status: "RUNNING",
      simulatedSeconds: 2,
      durationSeconds: 10,
      total: { p50Ms: 0.3, p95Ms: null, p99Ms: 123.456, completed: whole.frame.total.completed },
      components: [{ id: "client" }, { id: "station" }],
    });
  });
});

test("README.md has the layout that the code has", async () => {
  const readme = await readFile(new URL("README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| (\d+) \| (?:u8|u16|u32|f32|f64) \| `(\w+)` \|/gm)];
  expect(Object.fromEntries(rows.map(([, offset, field]) => [field, Number(offset)]))).toEqual(offsets);
  expect(readme).toContain(columns.map((column) => `\`${column}\``).join(", "));
  expect(readme).toContain(frameStatuses.map((status, index) => `${index} ${status}`).join(", "));
  const sizes = { u8: 1, u16: 2, u32: 4, f32: 4, f64: 8 } as const;
  const ends = [...readme.matchAll(/^\| (\d+) \| (u8|u16|u32|f32|f64) \|/gm)].map(
    ([, offset, type]) => Number(offset) + sizes[type as keyof typeof sizes],
  );
  expect(ends).toEqual([...rows.slice(1).map(([, offset]) => Number(offset)), headerBytes]);
});
