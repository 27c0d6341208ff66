/**
 * The circuit breakers of a run: one for each link and calling instance, as the clients of a mesh have them.
 *
 * Closed: calls go through, and failures in a row are counted. Open: calls are refused. When it has been open long enough it
 * is half open: a few probes go through; one that succeeds closes it, one that fails opens it again. A call that was
 * under way when the breaker opened and succeeds later does not close it: it says nothing of now.
 */
import type { RunLink } from "../run-link.ts";

interface Breaker {
  failures: number;
  /** Infinity while closed. */
  openUntilNs: number;
  isHalfOpen: boolean;
  probesLeft: number;
}

const closed = Number.POSITIVE_INFINITY;
const nsPerMs = 1e6;

export class Breakers {
  /** By link, then by calling instance; made when first asked. */
  readonly #breakers: Breaker[][];

  constructor(links: readonly unknown[]) {
    this.#breakers = links.map(() => []);
  }

  /** Whether a call may be sent. One that may is answered for by `succeeded`, `failed` or `unknown`. */
  allows(link: RunLink, instance: number, nowNs: number): boolean {
    const breaker = this.#of(link, instance);
    if (breaker.openUntilNs === closed) return true;
    if (!breaker.isHalfOpen) {
      if (nowNs < breaker.openUntilNs) return false;
      breaker.isHalfOpen = true;
      breaker.probesLeft = link.breaker?.probes ?? 1;
    }
    if (breaker.probesLeft === 0) return false;
    breaker.probesLeft--;
    return true;
  }

  succeeded(link: RunLink, instance: number): void {
    const breaker = this.#of(link, instance);
    if (breaker.openUntilNs !== closed && !breaker.isHalfOpen) return;
    breaker.failures = 0;
    breaker.openUntilNs = closed;
    breaker.isHalfOpen = false;
  }

  failed(link: RunLink, instance: number, nowNs: number): void {
    const breaker = this.#of(link, instance);
    const { breaker: settings } = link;
    if (settings === undefined || (breaker.openUntilNs !== closed && !breaker.isHalfOpen)) return;
    breaker.failures++;
    if (!breaker.isHalfOpen && breaker.failures < settings.failures) return;
    breaker.failures = 0;
    breaker.isHalfOpen = false;
    breaker.openUntilNs = nowNs + settings.openMs * nsPerMs;
  }

  /** The call was called off before it said anything; if it was a probe, another may go. */
  unknown(link: RunLink, instance: number): void {
    const breaker = this.#of(link, instance);
    if (breaker.isHalfOpen) breaker.probesLeft++;
  }

  /** The link has another breaker from now on, or none: what was known belongs to the one before. */
  replaced(link: RunLink): void {
    (this.#breakers[link.index] as Breaker[]).length = 0;
  }

  #of(link: RunLink, instance: number): Breaker {
    const ofLink = this.#breakers[link.index] as Breaker[];
    let breaker = ofLink[instance];
    if (breaker === undefined) {
      breaker = { failures: 0, openUntilNs: closed, isHalfOpen: false, probesLeft: 0 };
      ofLink[instance] = breaker;
    }
    return breaker;
  }
}
