/** Calls that somebody has made and not yet given up on. A released call is used again, as visits are. */
import { Call, connection } from "./call.ts";
import type { Dues } from "./event-queue.ts";
import type { RunLink } from "./run-link.ts";
import { none as nothing, type Visit } from "./visit.ts";

const none = nothing;
const noConnection = connection.none;

export class CallPool implements Dues {
  /** Every call there ever was, by index. */
  readonly all: Call[] = [];
  #free: Call | undefined = undefined;

  at(index: number): Call {
    return this.all[index] as Call;
  }

  dueSequence(index: number): number {
    return (this.all[index] as Call).dueSequence;
  }

  acquire(link: RunLink, caller: Visit | undefined): Call {
    let call = this.#free;
    if (call === undefined) {
      call = new Call(this.all.length, link);
      this.all.push(call);
    } else {
      this.#free = call.next;
      call.link = link;
      call.isFree = false;
      call.attemptsMade = 0;
      call.holdsConnection = noConnection;
      call.key = none;
      call.span = none;
    }
    call.caller = caller;
    return call;
  }

  /** Also makes the current attempt's answer and timeout come too late. */
  release(call: Call): void {
    call.isFree = true;
    call.attempt = 0;
    call.hedge = 0;
    call.dueSequence = 0;
    call.hedgeSequence = 0;
    call.next = this.#free;
    this.#free = call;
  }
}
