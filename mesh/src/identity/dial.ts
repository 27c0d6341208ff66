import type { ClientSessionOptions } from "node:http2";
import { type ConnectionOptions, connect } from "node:tls";
import { tlsFailure } from "./tls-failure.ts";

/** OpenSSL's codes, unlike the system's ("ECONNREFUSED"), whose errors have messages of their own. */
const tlsCode = /^(ERR_SSL_|[A-DF-Z])/;

/** Who a process is when it calls. */
export interface ClientIdentity {
  /** For `tls.connect` to an instance of a service, which must prove to be it. */
  clientOptions(peer: string): ConnectionOptions;
}

/** Whom a connection is for, and who asks. */
export interface DialAs {
  readonly identity: ClientIdentity;
  /** The service expected at the endpoint, by its name in the registry. */
  readonly peer: string;
}

/** What `http2.connect` takes to reach an endpoint. */
export interface Dial {
  readonly url: string;
  readonly options: Pick<ClientSessionOptions, "createConnection">;
}

/**
 * How to open a connection to "host:port": in plain text, or with an identity over TLS, proving who we are and that the
 * peer is whom we mean.
 *
 * A server checks our certificate after our side of a TLS 1.3 handshake is done, so a session whose 'connect' has come may
 * still be refused. The peer's SETTINGS are the proof that it was not: wait for 'remoteSettings' before counting on it.
 */
export function dialSocket(endpoint: string, as?: DialAs): Dial {
  if (as === undefined) {
    return { url: `http://${endpoint}`, options: {} };
  }
  const { identity, peer } = as;
  const url = `https://${endpoint}`;
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return {
    url,
    options: {
      createConnection: () => {
        const socket = connect({ host, port: port === "" ? 443 : Number(port), ...identity.clientOptions(peer) });
        socket.on("error", (error: NodeJS.ErrnoException) => {
          if (typeof error.code === "string" && tlsCode.test(error.code)) {
            error.message = tlsFailure(error.code, "client").message;
          }
          // After the handshake Node reports an alert without closing, and the HTTP/2 session would wait for that forever.
          socket.destroy();
        });
        socket.once("secureConnect", () => {
          if (socket.alpnProtocol !== "h2") {
            socket.destroy(new Error("the peer does not speak HTTP/2"));
          }
        });
        return socket;
      },
    },
  };
}
