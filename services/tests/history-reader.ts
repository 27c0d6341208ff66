import type { PublishedChange, ReaderEvent } from "@weft/mesh/testing";
import { connect, type RealtimeClient } from "@weft/realtime";
import { rest } from "./system.ts";

/*
 * Somebody who follows a project as an application does, with the client that others are given, and keeps what it was told
 * in the words of `faultsOfHistory`. A change is known by the version it made, so that what was heard, what was loaded and
 * what was answered to those who changed something can be held against each other.
 */

interface ChangeMessage {
  readonly type: string;
  readonly version: number;
}

interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export interface HistoryReaderOptions {
  readonly address: string;
  readonly project: string;
  readonly token: string;
}

export class HistoryReader {
  readonly events: ReaderEvent[] = [];
  /** What was pushed, with its place in the channel. */
  readonly heard: (PublishedChange & { readonly version: number })[] = [];
  loads = 0;
  readonly #client: RealtimeClient;
  /** Where it is in the channel. */
  #position: Position | undefined;
  /** The newest version among those loaded; every one before it is in it. */
  #loaded = 0;

  constructor({ address, project, token }: HistoryReaderOptions) {
    // Whoever comes back soon meets what is left of the outage.
    const pace = { reconnectBaseMs: 50, reconnectMaxMs: 500 };
    this.#client = connect(`${address.replace(/^http/, "ws")}/ws`, { token: () => token, ...pace });
    let loadedAt: Position | undefined;
    // Where the feed goes on behind a state is fixed when its loading begins: not when a failed attempt is repeated, whose signal
    // is the same, nor when it is first called, as messages may already have come behind it.
    let fixedAt: Position | undefined;
    const begunAt = new WeakMap<AbortSignal, Position>();
    const subscription = this.#client.subscribe<ChangeMessage, number>(`project:${project}`, {
      // The list of versions is read from the database: neither this gateway nor any cache of projects keeps it.
      getState: async ({ signal }) => {
        const at = begunAt.get(signal) ?? fixedAt;
        if (at !== undefined) {
          begunAt.set(signal, at);
        }
        const path = `/api/projects/${project}/versions?pageSize=1`;
        const { status, body } = await rest<{ versions: [{ version: number }] }>({ address }, "GET", path, { token });
        if (status !== 200) {
          throw new Error(`${path}: ${status}`);
        }
        loadedAt = at;
        return body.versions[0].version;
      },
      onState: ({ status }) => {
        fixedAt = status === "loading" ? subscription.position : fixedAt;
      },
      onLoad: (version) => {
        this.loads += 1;
        this.#position = loadedAt;
        this.#loaded = Math.max(this.#loaded, version);
        if (loadedAt !== undefined) {
          this.events.push({ kind: "told of a loss", position: loadedAt });
        }
        this.events.push({ kind: "loaded", payloads: Array.from({ length: version }, (_, at) => nameOf(at + 1)) });
      },
      onMessage: ({ type, version }, { position }) => {
        if (type === "updated" && position !== undefined) {
          const payload = nameOf(version);
          this.#position = position;
          this.heard.push({ position, payload, version });
          this.events.push({ kind: "pushed", publication: { offset: position.offset, payload } });
        }
      },
    });
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Whether it has learned of a version, from the feed or from what it loaded. */
  readonly knows = (version: number): boolean =>
    version <= this.#loaded || this.heard.some((change) => change.version === version);

  close(): void {
    this.#client.close();
  }
}

function nameOf(version: number): string {
  return `version ${version}`;
}

/** What the channel has had, as far as any of its readers has heard it: in its order, epoch after epoch. */
export function publishedOf(readers: readonly HistoryReader[]): PublishedChange[] {
  const epochs: string[] = [];
  const places = new Map<string, PublishedChange>();
  for (const { position, payload } of readers.flatMap(({ heard }) => heard)) {
    if (!epochs.includes(position.epoch)) {
      epochs.push(position.epoch);
    }
    const place = `${position.epoch}:${position.offset}`;
    // Two readers who were told different things at one place: the checker finds it with either of them as the truth.
    places.set(place, places.get(place) ?? { position, payload });
  }
  return [...places.values()].sort(
    ({ position: a }, { position: b }) => epochs.indexOf(a.epoch) - epochs.indexOf(b.epoch) || a.offset - b.offset,
  );
}
