import type { Exemplar } from "./call-recorder.ts";

/*
 * The two text formats in which metrics leave: Prometheus's own (0.0.4) and OpenMetrics 1.0, which has exemplars. Written
 * here rather than by prom-client, whose OpenMetrics output renames its counters for every later scrape in the other format,
 * and writes bounds in a form that strict readers refuse.
 */

export type TextFormat = "prometheus" | "openmetrics";

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  /** Further labels, as text (`labelText`). */
  readonly sharedLabels?: string;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

/** A metric with all its series. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  /** counter, gauge, histogram or summary. */
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** The body of a scrape. */
export function formatMetrics(families: readonly MetricFamily[], format: TextFormat): string {
  return format === "openmetrics"
    ? `${families.map(openMetricsFamily).join("\n")}\n# EOF\n`
    : `${families.map(prometheusFamily).join("\n\n")}\n`;
}

function prometheusFamily({ name, help, type, samples }: MetricFamily): string {
  const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`];
  for (const sample of samples) {
    lines.push(`${sample.name}${labelsOf(sample, String)} ${numberText(sample.value)}`);
  }
  return lines.join("\n");
}

/** A counter's family goes without `_total`, its samples with it; the unit, where there is one, is the name's ending. */
function openMetricsFamily({ name, help, type, samples }: MetricFamily): string {
  const isCounter = type === "counter";
  const family = isCounter ? name.replace(/_total$/, "") : name;
  const lines = [`# TYPE ${family} ${type}`];
  const unit = /_(seconds|bytes)$/.exec(family)?.[1];
  if (unit !== undefined) {
    lines.push(`# UNIT ${family} ${unit}`);
  }
  lines.push(`# HELP ${family} ${escapeValue(help)}`);
  for (const sample of samples) {
    const sampleName = isCounter ? `${family}_total` : sample.name;
    const line = `${sampleName}${labelsOf(sample, canonicalNumber)} ${numberText(sample.value)}`;
    lines.push(sample.exemplar === undefined ? line : `${line}${exemplarText(sample.exemplar)}`);
  }
  return lines.join("\n");
}

function exemplarText({ traceId, seconds, atMs }: Exemplar): string {
  return ` # {trace_id="${traceId}"} ${numberText(seconds)} ${(atMs / 1000).toFixed(3)}`;
}

/** Labels as they stand between braces. */
export function labelText(labels: Labels, textOfNumber: (value: number) => string): string {
  let text = "";
  for (const name of Object.keys(labels)) {
    const value = labels[name] as string | number;
    const escaped = typeof value === "number" ? textOfNumber(value) : escapeValue(String(value));
    text += `${text === "" ? "" : ","}${name}="${escaped}"`;
  }
  return text;
}

function labelsOf({ labels, sharedLabels = "" }: Sample, textOfNumber: (value: number) => string): string {
  const own = labelText(labels, textOfNumber);
  const text = own === "" || sharedLabels === "" ? own + sharedLabels : `${own},${sharedLabels}`;
  return text === "" ? "" : `{${text}}`;
}

/** OpenMetrics writes the bound 1 as 1.0, so that every reader has the same label. */
function canonicalNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escapeHelp(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
}

function escapeValue(text: string): string {
  return /[\\\n"]/.test(text) ? escapeHelp(text).replace(/"/g, '\\"') : text;
}
