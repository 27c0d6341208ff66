/**
 * The calls that a call has made and that are still under way: they end with it. Linked through themselves, because the
 * alternative, an AbortSignal with a listener per call, costs more than a call.
 */
export interface ChildCall {
  nextSibling: ChildCall | undefined;
  previousSibling: ChildCall | undefined;
  /** Nobody waits for it any more. */
  abort(reason: unknown): void;
}

export class ChildCalls {
  #first: ChildCall | undefined;
  #ended = false;
  #reason: unknown;

  /** Whether the parent has ended: a call that is made now need not be sent. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why it has ended. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Adds a call; one that begins after the end is ended at once. */
  add(child: ChildCall): void {
    if (this.#ended) {
      child.abort(this.#reason);
      return;
    }
    child.nextSibling = this.#first;
    if (this.#first !== undefined) {
      this.#first.previousSibling = child;
    }
    this.#first = child;
  }

  /** Takes a call out that has settled. */
  remove(child: ChildCall): void {
    const { nextSibling, previousSibling } = child;
    if (previousSibling !== undefined) {
      previousSibling.nextSibling = nextSibling;
    } else if (this.#first === child) {
      this.#first = nextSibling;
    }
    if (nextSibling !== undefined) {
      nextSibling.previousSibling = previousSibling;
    }
    child.nextSibling = undefined;
    child.previousSibling = undefined;
  }

  /** The parent has ended: so do they all. */
  end(reason: unknown): void {
    this.#ended = true;
    this.#reason = reason;
    for (let child = this.#first; child !== undefined; child = this.#first) {
      this.remove(child);
      child.abort(reason);
    }
  }
}
