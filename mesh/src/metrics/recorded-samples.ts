import { type CallRecorder, callCodes } from "./call-recorder.ts";
import { durationBucketsSeconds } from "./duration-buckets.ts";
import { type Labels, labelText, type Sample } from "./text-format.ts";

/*
 * What call recorders hold, as samples beside those of prom-client. A scrape stops the process from answering calls while it
 * is written, and most of its lines come from recorders: so the text of a recorder's labels is made once, when it is.
 *
 * A method may be recorded where calls are many and counted by prom-client's metric of the same name elsewhere (streams, for
 * one): what both hold of the same labels is added up, since a scraper refuses a series that stands there twice.
 */

/** A recorder and the labels of its series, without the `code` and `le` of single samples. */
export interface RecordedSeries {
  readonly recorder: CallRecorder;
  readonly labels: Labels;
  readonly labelText: string;
  readonly key: string;
}

export function recordedSeries(recorder: CallRecorder, labels: Labels): RecordedSeries {
  return { recorder, labels, labelText: labelText(labels, String), key: keyOf(labels) };
}

/** A recorder's samples for a metric of this name; `sharedLabels` is the text of the labels that `labels` leaves out. */
export type SamplesOf = (name: string, recorder: CallRecorder, labels: Labels, sharedLabels: string) => Sample[];

/** Calls by code. Answered ones are there from the start, so that the first one shows as an increase. */
export const counterSamples: SamplesOf = (name, recorder, labels, sharedLabels) => {
  const samples: Sample[] = [];
  for (let code = 0; code < callCodes.length; code += 1) {
    const value = recorder.callsWith(code);
    if (value > 0 || code === 0) {
      samples.push({ name, labels: { ...labels, code: callCodes[code] as string }, sharedLabels, value });
    }
  }
  return samples;
};

/** Cumulative buckets, sum and count; nothing for a method that nobody has called, since there are many of those. */
export const histogramSamples: SamplesOf = (name, recorder, labels, sharedLabels) => {
  const samples: Sample[] = [];
  if (recorder.calls === 0) {
    return samples;
  }
  const bucketName = `${name}_bucket`;
  let count = 0;
  for (let bucket = 0; bucket <= durationBucketsSeconds.length; bucket += 1) {
    count += recorder.callsInBucket(bucket);
    const le = durationBucketsSeconds[bucket] ?? "+Inf";
    const exemplar = recorder.exemplarOf(bucket);
    samples.push({ name: bucketName, labels: { ...labels, le }, sharedLabels, value: count, exemplar });
  }
  samples.push({ name: `${name}_sum`, labels, sharedLabels, value: recorder.sumSeconds });
  samples.push({ name: `${name}_count`, labels, sharedLabels, value: count });
  return samples;
};

/** The samples of a metric, counted and recorded. */
export function joinSamples(
  name: string,
  counted: readonly Sample[],
  recorded: readonly RecordedSeries[],
  samplesOf: SamplesOf,
): Sample[] {
  const countedKeys = new Set(counted.map(({ labels: { le: _le, code: _code, ...labels } }) => keyOf(labels)));
  const apart: Sample[] = [];
  const added = new Map(counted.map((sample) => [sampleKey(sample), sample]));
  for (const { recorder, labels, labelText: sharedLabels, key } of recorded) {
    if (!countedKeys.has(key)) {
      apart.push(...samplesOf(name, recorder, {}, sharedLabels));
      continue;
    }
    for (const sample of samplesOf(name, recorder, labels, "")) {
      const other = added.get(sampleKey(sample));
      added.set(sampleKey(sample), { ...sample, value: sample.value + (other?.value ?? 0) });
    }
  }
  return [...added.values(), ...apart];
}

function sampleKey({ name, labels }: Sample): string {
  return `${name} ${keyOf(labels)}`;
}

/** The same for the same labels in any order. */
function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
