import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ServiceIdentity } from "./identity.ts";

/**
 * The TLS side of a port: accepts connections, lets in who proves to be a service of the mesh, and hands over the socket
 * with the protocol that was agreed. What is refused is counted and logged, and ends that connection only.
 *
 * It is a `tls.Server` whose sockets are then given to plain HTTP servers, rather than an HTTP/2 server with TLS of its own:
 * one port speaks two protocols, and the HTTP servers are the same with and without TLS. Nothing is copied on the way:
 * node:http2 reads from the socket's handle either way.
 */
export interface TlsFrontOptions {
  readonly identity: ServiceIdentity;
  /** Offered in this order. */
  readonly protocols: readonly ("h2" | "http/1.1")[];
  readonly onSocket: (socket: TLSSocket, protocol: "h2" | "http/1.1") => void;
}

/** A peer on the same network needs milliseconds; Node's 120 s would let strangers hold sockets for nothing. */
const handshakeTimeoutMs = 10_000;

/** Makes the server; `server.close()` also lets go of the identity. */
export function createTlsFront({ identity, protocols, onSocket }: TlsFrontOptions): Server {
  const server = createServer({
    ...identity.serverContext(),
    ALPNProtocols: [...protocols],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
  });
  const stopListening = identity.onReload(() => server.setSecureContext(identity.serverContext()));
  server.once("close", stopListening);
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    // When its certificate is at fault, Node hangs up first and reports that; the fault is on the socket.
    const fault = socket.authorizationError as unknown;
    identity.refused(typeof fault === "string" ? fault : error.code, socket.remoteAddress);
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    if (identity.peerIdentity(socket) === undefined) {
      identity.refused("NO_IDENTITY", socket.remoteAddress);
      socket.destroy();
      return;
    }
    onSocket(socket, socket.alpnProtocol === "h2" ? "h2" : "http/1.1");
  });
  return server;
}

/** Names a connection the same way seen with TLS and without. */
export function connectionName(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
