import { type BrokerOptions, ServiceBroker } from "moleculer";
import type { Answer } from "../workload.ts";
import type { Contender } from "./contender.ts";

/*
 * Moleculer over its TCP transporter, with the default serializer (JSON). The caller is told where the server is, instead
 * of finding it by UDP broadcast, which would also find other runs on the same network.
 */
export const moleculer: Contender = {
  id: "moleculer",
  label: "Moleculer TCP",
  note: "TCP transporter, default JSON serializer, logger off",

  async serve(handler) {
    const broker = new ServiceBroker(brokerOptions("server", ""));
    broker.createService({
      name: "auth",
      actions: { validateToken: ({ params }: { params: { token: string } }) => handler(params.token) },
    });
    await broker.start();
    const { port } = broker.getLocalNodeInfo() as { port?: number };
    if (port === undefined) {
      throw new Error("Moleculer does not say its port");
    }
    return { port };
  },

  async connect(port) {
    const broker = new ServiceBroker(brokerOptions("client", `tcp://127.0.0.1:${port}/server`));
    await broker.start();
    await broker.waitForServices(["auth"], 10_000, 20);
    return { validate: (token) => broker.call<Answer, { token: string }>("auth.validateToken", { token }) };
  },
};

function brokerOptions(nodeID: string, urls: string): BrokerOptions {
  return {
    nodeID,
    logger: false,
    transporter: { type: "TCP", options: { udpDiscovery: false, urls } },
  };
}
