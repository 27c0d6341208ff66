/*
 * Which service a connection belongs to. It is read from the verified certificate once, when the handshake ends, and kept on
 * the socket: a request then costs one property. A property rather than a WeakMap, because Node's HTTP/2 shows each request
 * its socket through a proxy, which passes properties on but is another object.
 */
const callerSymbol = Symbol("weft.caller");

interface MarkedSocket {
  [callerSymbol]?: string;
}

export function markCaller(socket: object, service: string): void {
  (socket as MarkedSocket)[callerSymbol] = service;
}

/**
 * The name of the service at the other end, from a socket as node:tls, node:http or node:http2 give it. Undefined without
 * mTLS.
 */
export function callerOf(socket: object): string | undefined {
  return (socket as MarkedSocket)[callerSymbol];
}
