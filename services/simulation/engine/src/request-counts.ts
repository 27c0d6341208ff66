/**
 * What is counted about requests at one component: the part of its statistics that nearly every event changes.
 *
 * An object for speed, as visit.ts says. Sums begin as -0, which makes them doubles from the start and adds up as 0 does.
 * component-statistics.ts says what the figures mean, why integrals are kept this way, and has the rarer figures.
 *
 * How long at least n requests were present is kept as the integrals are, for every n up to a limit: of an arrival that makes
 * it n and of a departure from n only the n-th changes. That gives the whole distribution over time for one more addition.
 */
/** Counted are at least 1, 2, … so many requests that are present. */
const mostCountedPresent = 255;

export class RequestCounts {
  arrivals = 0;
  completed = 0;
  failed = 0;
  shed = 0;
  started = 0;
  waited = 0;
  onTime = 0;
  waitedNs = -0;
  residenceNs = -0;
  present = 0;
  waiting = 0;
  held = 0;
  working = 0;
  presentArea = -0;
  waitingArea = -0;
  heldArea = -0;
  workingArea = -0;
  /** By n: how long at least n were present; what still lasts is for the reader to add. The 0th is not kept. */
  readonly presentAtLeastNs = new Float64Array(mostCountedPresent + 1);
  /** Longest queue, all instances together, since `forgetLongestQueue`. */
  longestQueue = 0;

  arrive(nowNs: number): void {
    this.arrivals++;
    const present = ++this.present;
    this.presentArea -= nowNs;
    if (present <= mostCountedPresent) (this.presentAtLeastNs[present] as number) -= nowNs;
  }

  enqueue(nowNs: number): void {
    this.waiting++;
    this.waitingArea -= nowNs;
    if (this.waiting > this.longestQueue) this.longestQueue = this.waiting;
  }

  /** A request leaves the queue, to a slot or without having got one; then it still has to leave or to be shed. */
  leaveQueue(nowNs: number): void {
    this.waiting--;
    this.waitingArea += nowNs;
  }

  takeSlot(nowNs: number): void {
    this.started++;
    this.held++;
    this.heldArea -= nowNs;
  }

  startWork(nowNs: number): void {
    this.working++;
    this.workingArea -= nowNs;
  }

  endWork(nowNs: number): void {
    this.working--;
    this.workingArea += nowNs;
  }

  /** A slot is freed. */
  release(nowNs: number): void {
    this.held--;
    this.heldArea += nowNs;
  }

  /** A request that was admitted is answered. */
  leave(nowNs: number, hasFailed: boolean, residenceNs: number): void {
    if (hasFailed) this.failed++;
    else this.completed++;
    const present = this.present--;
    this.presentArea += nowNs;
    if (present <= mostCountedPresent) (this.presentAtLeastNs[present] as number) += nowNs;
    this.residenceNs += residenceNs;
  }

  /** A request is refused, on arrival or after it has waited. */
  refuse(nowNs: number, residenceNs: number): void {
    this.shed++;
    const present = this.present--;
    this.presentArea += nowNs;
    if (present <= mostCountedPresent) (this.presentAtLeastNs[present] as number) += nowNs;
    this.residenceNs += residenceNs;
  }

  forgetLongestQueue(): void {
    this.longestQueue = this.waiting;
  }
}
