/**
 * Everything random about a model in one run: each component and link draws each kind of number from a stream of its own,
 * named by its id, so that none is disturbed by what the others do.
 */
import { DurationSampler } from "./distribution.ts";
import type { Model, ModelComponent, ModelLink } from "./model.ts";
import { RandomStream } from "./random.ts";

interface ComponentDraws {
  readonly serviceTime: DurationSampler;
  readonly error: RandomStream;
  readonly hit: RandomStream;
  readonly balance: RandomStream;
}

interface LinkDraws {
  readonly latency: DurationSampler;
  readonly calls: RandomStream;
  readonly backoff: RandomStream;
}

export class ModelDraws {
  readonly #components: readonly ComponentDraws[];
  readonly #links: readonly LinkDraws[];

  constructor(model: Model, seed: number) {
    this.#components = model.components.map(({ id, serviceTime }) => ({
      serviceTime: new DurationSampler(serviceTime, new RandomStream(seed, `component/${id}/service`)),
      error: new RandomStream(seed, `component/${id}/error`),
      hit: new RandomStream(seed, `component/${id}/hit`),
      balance: new RandomStream(seed, `component/${id}/balance`),
    }));
    this.#links = model.links.map(({ id, latency }) => ({
      latency: new DurationSampler(latency, new RandomStream(seed, `link/${id}/latency`)),
      calls: new RandomStream(seed, `link/${id}/calls`),
      backoff: new RandomStream(seed, `link/${id}/backoff`),
    }));
  }

  workNs(component: number): number {
    return this.#component(component).serviceTime.sampleNs();
  }

  fails({ index, errorRatio }: ModelComponent): boolean {
    return this.#component(index).error.chance(errorRatio);
  }

  isHit({ index, hitRatio }: ModelComponent): boolean {
    return this.#component(index).hit.chance(hitRatio);
  }

  roundTripNs(link: ModelLink): number {
    return this.#link(link).latency.sampleNs();
  }

  /** How many calls one request makes: the whole part of the mean, and one more with the rest's probability. */
  calls(link: ModelLink): number {
    const certain = Math.floor(link.callsPerRequest);
    return this.#link(link).calls.chance(link.callsPerRequest - certain) ? certain + 1 : certain;
  }

  /** The pause after this many attempts: anything up to the backoff, which doubles with each. */
  pauseMs(link: ModelLink, attemptsMade: number): number {
    const longestMs = link.retryBackoffMs * 2 ** (attemptsMade - 1);
    return longestMs === 0 ? 0 : longestMs * this.#link(link).backoff.uniform();
  }

  /** The link a balancer sends one request to. */
  chosenLink({ index, links }: ModelComponent): ModelLink {
    let left = this.#component(index).balance.uniform();
    let chosen: ModelLink | undefined;
    for (const link of links) {
      if (link.callsPerRequest === 0) continue;
      chosen = link;
      left -= link.callsPerRequest;
      if (left < 0) break;
    }
    // Weights that sum to a hair less than 1 leave the last one.
    return chosen as ModelLink;
  }

  #component(index: number): ComponentDraws {
    return this.#components[index] as ComponentDraws;
  }

  #link(link: ModelLink): LinkDraws {
    return this.#links[link.index] as LinkDraws;
  }
}
