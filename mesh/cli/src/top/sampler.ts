import type { Instance } from "@weft/mesh/registry";
import { httpGet } from "../status/http-get.ts";
import { type DatedScrape, type InstanceLoad, instanceLoad } from "./instance-view.ts";
import { parseMetrics } from "./parse-metrics.ts";

/** An instance and its load, or why that is not known. */
export interface InstanceView {
  readonly service: string;
  readonly instance: string;
  /** Where its metrics are. */
  readonly address: string | null;
  readonly status: Instance["status"];
  readonly load: InstanceLoad | null;
  /** Why there is no load. */
  readonly unreachable: string | null;
}

/** Everything at one moment. */
export interface TopView {
  readonly atMs: number;
  readonly instances: readonly InstanceView[];
  /** Keys of registry records that cannot be read. */
  readonly unreadable: readonly string[];
  /** Why the instances are those of an earlier moment; null when the registry answers. */
  readonly registryError: string | null;
}

/** Fetches the metrics of an instance; rejects when it does not answer. */
export type FetchMetrics = (host: string, port: number) => Promise<string>;

export interface SamplerClock {
  now(): number;
  monotonicMs(): number;
}

/**
 * Scrapes instances and compares each with its own scrape before. An instance that did not answer in between is compared
 * with the last time it did; one that has left the registry is forgotten.
 */
export class Sampler {
  readonly #fetch: FetchMetrics;
  readonly #clock: SamplerClock;
  #before = new Map<string, { readonly scrape: DatedScrape; readonly load: InstanceLoad }>();

  constructor(fetch: FetchMetrics, clock: SamplerClock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** Scrapes all at once. Never rejects: what does not answer is part of the view. */
  async sample(records: readonly Instance[]): Promise<InstanceView[]> {
    const earlier = this.#before;
    this.#before = new Map();
    return await Promise.all(
      records.map(async (record) => {
        const key = `${record.name}/${record.instanceId}`;
        const before = earlier.get(key);
        if (before !== undefined) {
          this.#before.set(key, before);
        }
        const port = record.ports.metrics;
        const view = {
          service: record.name,
          instance: record.instanceId,
          address: port === undefined ? null : `${record.address}:${port}`,
          status: record.status,
        };
        if (port === undefined) {
          return { ...view, load: null, unreachable: "it names no metrics port" };
        }
        try {
          const text = await this.#fetch(record.address, port);
          const scrape: DatedScrape = {
            scrape: parseMetrics(text),
            atMs: this.#clock.now(),
            monotonicMs: this.#clock.monotonicMs(),
          };
          const load = instanceLoad(before?.scrape, scrape, before?.load.peers);
          this.#before.set(key, { scrape, load });
          return { ...view, load, unreachable: null };
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          return { ...view, load: null, unreachable: code ?? message };
        }
      }),
    );
  }
}

/** The metrics of a running instance. */
export async function fetchMetrics(host: string, port: number): Promise<string> {
  const { status, text } = await httpGet(host, port, "/metrics", 1_000);
  if (status !== 200) {
    throw new Error(`its metrics port answered HTTP ${status}`);
  }
  return text;
}
