/**
 * What is counted about requests at one component: the part of its statistics that nearly every event changes.
 *
 * An object for speed, as visit.ts says. Sums begin as -0, which makes them doubles from the start and adds up as 0 does.
 * component-statistics.ts says what the figures mean, why integrals are kept this way, and has the rarer figures.
 */
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
  /** Longest queue, all instances together, since `forgetLongestQueue`. */
  longestQueue = 0;

  arrive(nowNs: number): void {
    this.arrivals++;
    this.present++;
    this.presentArea -= nowNs;
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
    this.present--;
    this.presentArea += nowNs;
    this.residenceNs += residenceNs;
  }

  /** A request is refused, on arrival or after it has waited. */
  refuse(nowNs: number, residenceNs: number): void {
    this.shed++;
    this.present--;
    this.presentArea += nowNs;
    this.residenceNs += residenceNs;
  }

  forgetLongestQueue(): void {
    this.longestQueue = this.waiting;
  }
}
