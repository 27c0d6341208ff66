import type { LiveMessage } from "./live-message.ts";

/**
 * Replaceable messages that cannot go out yet: of each slot the newest, slots in the order in which they began to wait. Slots
 * are named by clients where clients publish, so there is a limit to them: beyond it the one that waited longest goes.
 */
export class PendingMessages {
  /** Made when one has to wait, which most subscriptions never see. */
  #bySlot: Map<string, LiveMessage> | undefined;

  get size(): number {
    return this.#bySlot?.size ?? 0;
  }

  /** The message that will not be sent, as this one takes its place; undefined for none. */
  put(message: LiveMessage): LiveMessage | undefined {
    this.#bySlot ??= new Map();
    const replaced = this.#bySlot.get(message.slot);
    this.#bySlot.set(message.slot, message);
    return replaced ?? (this.#bySlot.size > maxSlots ? this.take() : undefined);
  }

  /** The one that has waited longest, which waits no more. */
  take(): LiveMessage | undefined {
    const first = this.#bySlot?.values().next().value;
    if (first !== undefined) {
      this.#bySlot?.delete(first.slot);
    }
    return first;
  }

  clear(): void {
    this.#bySlot = undefined;
  }
}

/** More than people who draw in one room have cursors. */
const maxSlots = 256;
