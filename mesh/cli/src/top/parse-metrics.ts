/** One series of a scrape: its labels and its value at that moment. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What one scrape found, by name of the metric; a metric that is declared but has no series yet is there with none. */
export type Scrape = ReadonlyMap<string, readonly Series[]>;

/**
 * Reads Prometheus text. What cannot be read is left out: the text is another program's, perhaps of another version, and
 * one odd line must not hide the rest.
 */
export function parseMetrics(text: string): Scrape {
  const found = new Map<string, Series[]>();
  for (const line of text.split("\n")) {
    const declared = /^# TYPE (\S+)/.exec(line)?.[1];
    if (declared !== undefined) {
      found.set(declared, found.get(declared) ?? []);
      continue;
    }
    const [, name, labels = "", number = ""] = linePattern.exec(line) ?? [];
    const value = numberFrom(number);
    if (name === undefined || value === undefined) {
      continue;
    }
    const series = { labels: parseLabels(labels), value };
    const others = found.get(name);
    if (others === undefined) {
      found.set(name, [series]);
    } else {
      others.push(series);
    }
  }
  return found;
}

/** A label's value may hold anything, braces included, with quotes and backslashes escaped. */
const linePattern = /^([A-Za-z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)/;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function numberFrom(text: string): number | undefined {
  if (/^[+-]?inf$/i.test(text)) {
    return text.startsWith("-") ? -Infinity : Infinity;
  }
  if (/^nan$/i.test(text)) {
    return Number.NaN;
  }
  const value = Number(text);
  return text === "" || Number.isNaN(value) ? undefined : value;
}
