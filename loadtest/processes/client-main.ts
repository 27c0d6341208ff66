import { loadContender } from "../contenders/all.ts";
import type { ContenderClient } from "../contenders/contender.ts";
import { answerOrders, resources } from "./answer-orders.ts";
import { liveHeapBytes } from "./heap.ts";
import { holdCalls, runClosedLoop, runOpenLoop } from "./load.ts";
import type { HoldResult } from "./orders.ts";

/*
 * The client process of one contender: connects once, and puts on the load it is told to.
 */

let connected: ContenderClient | undefined;
let held: Promise<HoldResult> | undefined;

answerOrders(async (order) => {
  switch (order.kind) {
    case "connect": {
      const contender = await loadContender(order.contender);
      connected = await contender.connect(order.port, order.settings);
      return undefined;
    }
    case "closed-loop":
      return runClosedLoop(client(), order);
    case "open-loop":
      return runOpenLoop(client(), order);
    case "hold":
      held = holdCalls(client(), order.calls).finished;
      return undefined;
    case "let-go":
      return held;
    case "resources":
      return resources();
    case "heap":
      return liveHeapBytes();
    case "open-connections":
      return client().openConnections?.();
    default:
      throw new Error(`a client does not know the order ${order.kind}`);
  }
});

function client(): ContenderClient {
  if (connected === undefined) {
    throw new Error("the client is not connected");
  }
  return connected;
}
