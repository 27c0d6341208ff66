import { loadPart } from "../rest/parts.ts";
import { answerOrders, resources } from "./answer-orders.ts";

/* The process of one front or service of the rows `gateway/rest/*`. */
answerOrders(async (order) => {
  switch (order.kind) {
    case "serve-part":
      return (await loadPart(order.part))(order.settings);
    case "resources":
      return resources();
    default:
      throw new Error(`a part does not know the order ${order.kind}`);
  }
});
