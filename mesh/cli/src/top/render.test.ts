import { stripVTControlCharacters } from "node:util";
import picocolors from "picocolors";
import { describe, expect, test } from "vitest";
import { clip, formatBytes, formatMs, formatRate, formatShare, plainText } from "./format-values.ts";
import type { InstanceLoad, PeerView } from "./instance-view.ts";
import { renderScreen, renderSnapshot } from "./render.ts";
import type { InstanceView, TopView } from "./sampler.ts";
import type { TopState } from "./top-state.ts";

const plain = picocolors.createColors(false);
const coloured = picocolors.createColors(true);

const peer: PeerView = {
  ...{ peer: "user-service", callsPerSecond: 50, p50Ms: 0.4, p99Ms: 2.5, errorShare: 0.02 },
  ...{ retriesPerSecond: 3, hedgesPerSecond: null, refusedRetriesPerSecond: 0 },
  lastTransition: { to: "ejected", instance: "u1", reason: "failures", atMs: 95_000 },
  pools: [
    {
      ...{ instance: "u1", open: 5, connecting: 1, draining: 2, utilization: 0.25, queueDepth: 3 },
      ...{ callsPerSecond: 40, latencyMs: 2, breaker: "ejected" },
    },
  ],
};
const load: InstanceLoad = {
  ...{ callsPerSecond: 12_345, p50Ms: 0.31, p99Ms: 4.2, errorShare: 0, inFlight: 12, admissionLimit: 64 },
  ...{ cpuShare: 0.42, memoryBytes: 100 * 2 ** 20, eventLoopLagP99Ms: 11, lanesOpen: 4, meanBatch: 3.2 },
  peers: [peer],
};
const instance = (service: string, change: Partial<InstanceView> = {}): InstanceView => ({
  ...{
    service,
    instance: `${service}-1`,
    address: "10.0.0.7:9002",
    status: "ready",
    load,
    unreachable: null,
    ...change,
  },
});
const lost = instance("lost-service", { load: null, unreachable: "ECONNREFUSED" });
const viewOf = (...instances: InstanceView[]): TopView => ({
  ...{ atMs: 100_000, instances, unreadable: [], registryError: null },
});
const state: TopState = { sort: "rate", paused: false, selected: undefined };
const many = viewOf(...Array.from({ length: 40 }, (_, index) => instance(`s${String(index).padStart(2, "0")}`)));

describe("the screen", () => {
  test("shows each instance, and the peers of the selected one", () => {
    const text = renderScreen(viewOf(instance("auth-service"), lost), state, { width: 220, height: 20 }, plain).join(
      "\n",
    );
    expect(text).toMatch(/weft top .* 2 services, 2 instances +12\.3k calls\/s +sorted by rate +1 unreachable/);
    expect(text).toMatch(
      /> auth-service +auth-service-1 +ready +12\.3k +12 +0\.31 ms +4\.20 ms +0% +42% +100 MiB +11\.0 ms +64 +breaker ejected/,
    );
    expect(text).toMatch(/ {2}lost-service +lost-service-1 +unreachable( +-){9} +ECONNREFUSED/);
    expect(text).toContain("auth-service/auth-service-1   10.0.0.7:9002   4 lanes, 3.2 frames a write");
    expect(text).toMatch(
      /user-service +1 in all +50 +0\.40 ms +2\.50 ms +2\.0% +3 +- .*ejected u1 \(failures\) 5 s ago/,
    );
    expect(text).toMatch(/u1 +40 +~2\.00 ms +5 +1 +2 +25% +3 +ejected/);
  });

  test("says why the selected instance has no numbers", () => {
    const lines = renderScreen(viewOf(lost), state, { width: 120, height: 10 }, plain);
    expect(lines).toContain("lost-service/lost-service-1   unreachable: ECONNREFUSED");
  });

  test("tells that it is paused, that the registry is away, that a record cannot be read, and that nobody is there", () => {
    const view = { ...viewOf(), unreadable: ["services:x:1"], registryError: "ECONNRESET" };
    const text = renderScreen(view, { ...state, paused: true }, { width: 120, height: 10 }, plain).join("\n");
    for (const part of ["paused", "ECONNRESET", "services:x:1", "no instance is registered"]) {
      expect(text).toContain(part);
    }
  });

  test.each([
    [200, 50],
    [80, 24],
    [40, 10],
    [10, 3],
    [1, 1],
  ])("fills a window of %s × %s and no more", (width, height) => {
    for (const colors of [plain, coloured]) {
      const lines = renderScreen(many, state, { width, height }, colors).map((line) => stripVTControlCharacters(line));
      expect(lines.length).toBe(height);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });

  test("always shows the selected line, however long the list", () => {
    for (const { service, instance: id } of many.instances) {
      const selected = `${service}/${id}`;
      const lines = renderScreen(many, { ...state, selected }, { width: 80, height: 12 }, plain);
      expect(lines.some((line) => line.startsWith(`> ${service}`))).toBe(true);
    }
  });

  test("lets no name steer the terminal", () => {
    const evil = instance("a\u001b[2Jb\u0007\n", {
      instance: "\u009b31mx",
      load: null,
      unreachable: "\u001b]0;t\u0007",
    });
    const text = [
      ...renderScreen(viewOf(evil), state, { width: 150, height: 10 }, plain),
      ...renderSnapshot(viewOf(evil), "rate", plain),
    ].join("");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

describe("the snapshot", () => {
  test("has every instance and every pool, without colours where they are not wanted", () => {
    const text = renderSnapshot(viewOf(instance("auth-service"), lost), "rate", plain).join("\n");
    expect(text).toMatch(/SERVICE +INSTANCE +STATE +CALLS\/S↓/);
    expect(text).toMatch(/lost-service +lost-service-1 +unreachable/);
    expect(text).toMatch(/auth-service\/auth-service-1 +u1 +40/);
    expect(stripVTControlCharacters(text)).toBe(text);
  });
});

describe("values", () => {
  test("are short, and unknown is never zero", () => {
    expect([formatRate(null), formatRate(0), formatRate(0.25), formatRate(999.6), formatRate(12_345)]).toEqual([
      "-",
      "0",
      "0.3",
      "1000",
      "12.3k",
    ]);
    expect(formatRate(2_500_000)).toBe("2.5M");
    expect([0.123, 12.34, 123.4, 1234, 12_345].map(formatMs)).toEqual([
      "0.12 ms",
      "12.3 ms",
      "123 ms",
      "1.2 s",
      "12 s",
    ]);
    expect([null, 0, 0.0001, 0.023, 0.5].map(formatShare)).toEqual(["-", "0%", "<0.1%", "2.3%", "50%"]);
    expect([null, 5 * 2 ** 20, 3 * 2 ** 30].map(formatBytes)).toEqual(["-", "5 MiB", "3.0 GiB"]);
    expect(formatMs(null)).toBe("-");
  });

  test("are clipped to a width, colours whole", () => {
    expect(clip("abcdef", 4)).toBe("abc…");
    expect(clip("abcd", 4)).toBe("abcd");
    expect(clip("\u001b[31mabc\u001b[39mdef", 5)).toBe("\u001b[31mabc\u001b[39md…");
    expect(clip("abc", 0)).toBe("");
  });

  test("lose control characters", () => {
    expect(plainText("a\u001b[31mb\u0000c")).toBe("ab?c");
  });
});
