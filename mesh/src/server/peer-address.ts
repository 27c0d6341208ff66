import { createContextKey } from "@connectrpc/connect";

/**
 * The address of the other end of a call's connection, as the system knows it: a client's, or that of the last proxy before
 * us. Undefined where there is no connection, as for calls in memory. On services with interceptors only streams and the
 * protocols of HTTP/1.1 have it.
 */
export const peerAddressKey = createContextKey<string | undefined>(undefined, { description: "address of the peer" });
