import { runHttpLoad } from "../rest/http-load.ts";
import { runTokenLoad } from "../rest/token-load.ts";
import { answerOrders } from "./answer-orders.ts";

/* The process that puts the load of bench:gateway on: the same for everybody who is measured. */
answerOrders(async (order) => {
  switch (order.kind) {
    case "http-load":
      return runHttpLoad(order);
    case "token-load":
      return runTokenLoad(order);
    default:
      throw new Error(`a driver does not know the order ${order.kind}`);
  }
});
