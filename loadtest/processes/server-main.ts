import { loadContender } from "../contenders/all.ts";
import { answerFor, isHeld, type ServedAnswer } from "../workload.ts";
import { answerOrders, resources } from "./answer-orders.ts";
import { liveHeapBytes } from "./heap.ts";

/*
 * The server process of one contender. The handler is the same for all: it looks at the token and answers at once, but
 * for the tokens that are held, which wait until the bench lets them go.
 */

const gate = Promise.withResolvers<void>();
let held = 0;

function handle(token: string): ServedAnswer | Promise<ServedAnswer> {
  if (!isHeld(token)) {
    return answerFor(token);
  }
  held += 1;
  return gate.promise.then(() => answerFor(token));
}

answerOrders(async (order) => {
  switch (order.kind) {
    case "serve": {
      const contender = await loadContender(order.contender);
      const { port } = await contender.serve(handle, order.settings);
      return { port, label: contender.label, note: contender.note };
    }
    case "resources":
      return resources();
    case "heap":
      return liveHeapBytes();
    case "held":
      return held;
    case "let-go":
      // For good: a call that arrives late must not wait for ever.
      gate.resolve();
      return undefined;
    default:
      throw new Error(`a server does not know the order ${order.kind}`);
  }
});
