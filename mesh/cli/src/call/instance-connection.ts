import { connect } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { dialSocket } from "@weft/mesh/identity";
import type { Instance } from "@weft/mesh/registry";
import type { Caller } from "./caller-identity.ts";

/** A way to call one instance by gRPC. */
export interface InstanceConnection {
  readonly address: string;
  readonly transport: Transport;
  /** Whether the port speaks TLS. Asked when a call in plain text failed, for its error says nothing of that. */
  speaksTls(): Promise<boolean>;
  close(): void;
}

/** To the gRPC port of an instance: in plain text, or over mTLS as a service, when the instance must prove to be its own. */
export function openConnection(instance: Instance, port: number, caller: Caller | undefined): InstanceConnection {
  const host = instance.address.includes(":") ? `[${instance.address}]` : instance.address;
  const { url, options } = dialSocket(
    `${host}:${port}`,
    caller === undefined ? undefined : { identity: caller.identity, peer: instance.name },
  );
  const sessionManager = new Http2SessionManager(url, undefined, options);
  return {
    address: url,
    transport: createGrpcTransport({ baseUrl: url, sessionManager }),
    speaksTls: () => handshakes(instance.address, port),
    close: () => sessionManager.abort(),
  };
}

/** Far above a handshake on any network that an operator would wait for. */
const handshakeTimeoutMs = 2_000;

/** Whether our side of a TLS handshake comes to its end. Who answers does not matter: nothing is said to them. */
function handshakes(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ALPNProtocols: ["h2"], rejectUnauthorized: false });
    const finish = (speaks: boolean): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.setTimeout(handshakeTimeoutMs, () => finish(false));
    socket.once("secureConnect", () => finish(true));
    socket.on("error", () => finish(false));
  });
}
