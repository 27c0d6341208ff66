/*
 * A strict reader of the texts that `/metrics` answers with: Prometheus 0.0.4, and OpenMetrics 1.0 when the text ends as
 * that does. It throws for what a scraper could take wrong: a line it cannot read, a series given twice, a family in two
 * places, buckets that are not cumulative, an exemplar outside its bucket.
 */

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
    readonly atS: number;
  };
}

export interface ReadFamily {
  readonly name: string;
  type: string;
  help: string;
  readonly samples: ReadSample[];
}

export function readMetricsText(text: string): ReadonlyMap<string, ReadFamily> {
  const openMetrics = text.endsWith("\n# EOF\n");
  const body = openMetrics ? text.slice(0, -"# EOF\n".length) : text;
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let current: ReadFamily | undefined;
  for (const line of body.split("\n").slice(0, -1)) {
    if (line === "" && !openMetrics) {
      continue;
    }
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE|UNIT) ([a-z_][a-z0-9_]*) (.+)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      if (current?.name !== name) {
        assert(!families.has(name), `${name} stands in two places`);
        current = { name, type: "", help: "", samples: [] };
        families.set(name, current);
      }
      if (keyword === "TYPE") {
        current.type = rest;
      } else if (keyword === "HELP") {
        current.help = unescaped(rest);
      } else {
        assert(name.endsWith(`_${rest}`), `${name} does not end in its unit, ${rest}`);
      }
      continue;
    }
    const sample = readSample(line, openMetrics);
    assert(current !== undefined && belongs(sample.name, current, openMetrics), `${line} is in no family`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    assert(!series.has(key), `${line} is given twice`);
    series.add(key);
    current?.samples.push(sample);
  }
  for (const family of families.values()) {
    if (family.type === "histogram") {
      assertHistogram(family);
    }
  }
  return families;
}

/** The value of one series; undefined when it is absent. */
export function sampleValue(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .find((sample) => sample.name === name && JSON.stringify(Object.entries(sample.labels).sort()) === wanted)?.value;
}

const labelPattern = String.raw`[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"`;
const labelsPattern = String.raw`\{${labelPattern}(?:,${labelPattern})*\}`;
const samplePattern = new RegExp(
  String.raw`^([a-z_][a-z0-9_]*)(${labelsPattern})? (\S+)(?: # (${labelsPattern}) (\S+) (\S+))?$`,
);

function readSample(line: string, openMetrics: boolean): ReadSample {
  const match = samplePattern.exec(line);
  assert(match !== null, `cannot read: ${line}`);
  const [, name = "", labels = "", value = "", exemplar, exemplarValue = "", atS = ""] = match ?? [];
  assert(exemplar === undefined || openMetrics, `an exemplar outside of OpenMetrics: ${line}`);
  return {
    name,
    labels: readLabels(labels),
    value: readNumber(value),
    ...(exemplar === undefined
      ? {}
      : { exemplar: { labels: readLabels(exemplar), value: readNumber(exemplarValue), atS: readNumber(atS) } }),
  };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
    assert(!(name in labels), `the label ${name} is given twice: ${text}`);
    labels[name] = unescaped(value);
  }
  return labels;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

function readNumber(text: string): number {
  const value = text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
  assert(!Number.isNaN(value) || text === "NaN", `${text} is no number`);
  return value;
}

function belongs(sample: string, { name, type }: ReadFamily, openMetrics: boolean): boolean {
  const endings: Readonly<Record<string, readonly string[]>> = {
    histogram: ["_bucket", "_sum", "_count"],
    counter: openMetrics ? ["_total"] : [""],
  };
  return (endings[type] ?? [""]).some((ending) => sample === name + ending);
}

function assertHistogram({ name, samples }: ReadFamily): void {
  const groups = new Map<string, { below: number; count: number }>();
  for (const sample of samples) {
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    const group = groups.get(key) ?? { below: -Infinity, count: 0 };
    groups.set(key, group);
    if (le !== undefined) {
      const bound = readNumber(le);
      assert(bound > group.below && sample.value >= group.count, `${name} is not cumulative at ${le}`);
      const { value } = sample.exemplar ?? { value: bound };
      assert(value <= bound && value > group.below, `${name} has an exemplar outside of its bucket ${le}`);
      group.below = bound;
      group.count = sample.value;
    } else if (sample.name === `${name}_count`) {
      assert(group.below === Infinity && group.count === sample.value, `${name} does not count what its buckets hold`);
    }
  }
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new Error(message);
  }
}
