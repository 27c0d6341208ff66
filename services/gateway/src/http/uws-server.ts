import "./uws-settings.ts";
import * as uws from "uWebSockets.js";
import type { Clock } from "@weft/mesh";
import type { HttpResponse, HttpServer, HttpServerOptions, TlsFiles, UpgradeDecision } from "./http-server.ts";
import { Exchange } from "./uws-exchange.ts";
import { type Opening, SendingTurn, type SocketData, UwsConnection } from "./uws-socket.ts";

/*
 * The HTTP-server port on uWebSockets.js: the uws-* files alone know it. This one has the apps and what they listen on.
 *
 * Without TLS there is one app. With TLS there is one for each certificate: the first one listens for as long as the server
 * does, and hands new connections to the newest (its "child"), so that a certificate is replaced without closing the port
 * for a moment and without touching a connection that is open. Those stay with the app, and the certificate, they began with.
 */

/** More than any connection may have buffered: the gateway acts on slow readers itself, and nothing is dropped here. */
const unboundedBackpressureBytes = 1024 * 1024 * 1024;

/** LIBUS_LISTEN_EXCLUSIVE_PORT of the native library; the types name it where the module does not export it. */
const exclusivePort = 1;
/** LIBUS_LISTEN_DEFAULT: SO_REUSEPORT, by which the system spreads connections over the processes that share a port. */
const sharedPort = 0;

type AcceptedUpgrade = Extract<UpgradeDecision, { accept: true }>;

/** What the types lack: `listen` with a host and an option, and one app handing its connections to another. */
interface UntypedApp {
  listen(host: string, port: number, option: number, done: (socket: uws.us_listen_socket | false) => void): void;
  getDescriptor(): unknown;
  addChildAppDescriptor(descriptor: unknown): void;
  removeChildAppDescriptor(descriptor: unknown): void;
}

const untyped = (app: uws.TemplatedApp): UntypedApp => app as unknown as UntypedApp;

/** Builds the server; nothing listens yet. Throws when the certificate cannot be used. */
export function createUwsServer(options: HttpServerOptions, clock: Clock): HttpServer {
  // Without it every answer names the server.
  (uws as unknown as { _cfg(key: string): void })._cfg("silent");
  const { tls } = options;
  const appFor = (files: TlsFiles | undefined): uws.TemplatedApp =>
    withRoutes(files === undefined ? uws.App() : secureApp(files), options, clock);
  const listening = appFor(tls?.files);
  const apps = [listening];
  tls?.onChange((files) => {
    const app = appFor(files);
    const before = apps.at(-1);
    untyped(listening).addChildAppDescriptor(untyped(app).getDescriptor());
    if (before !== undefined && before !== listening) {
      untyped(listening).removeChildAppDescriptor(untyped(before).getDescriptor());
    }
    apps.push(app);
  });
  let listenSocket: uws.us_listen_socket | undefined;
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const option = options.sharePort === true ? sharedPort : exclusivePort;
        untyped(listening).listen(host, port, option, (socket) => {
          if (socket === false) {
            // The server does not say why; a port of ours that cannot be had is one that is taken.
            const error = new Error(`${host}:${port} cannot be listened on`);
            reject(Object.assign(error, { code: "EADDRINUSE" }));
            return;
          }
          listenSocket = socket;
          resolve(uws.us_socket_local_port(socket));
        });
      }),
    stopListening: () => {
      if (listenSocket !== undefined) {
        uws.us_listen_socket_close(listenSocket);
        listenSocket = undefined;
      }
    },
    close: () => {
      listenSocket = undefined;
      for (const app of apps) {
        app.close();
      }
    },
  };
}

function secureApp({ certFile, keyFile }: TlsFiles): uws.TemplatedApp {
  try {
    return uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile });
  } catch (cause) {
    throw new Error(`TLS cannot be served with ${certFile} and ${keyFile}`, { cause });
  }
}

function withRoutes(app: uws.TemplatedApp, options: HttpServerOptions, clock: Clock): uws.TemplatedApp {
  const turn = new SendingTurn();
  app.ws<SocketData>(options.webSocket.path, {
    maxPayloadLength: options.webSocket.frameMaxBytes,
    idleTimeout: options.webSocket.idleTimeoutSeconds,
    sendPingsAutomatically: true,
    maxBackpressure: unboundedBackpressureBytes,
    upgrade: (res, req, context) => upgrade(new Exchange(res, req, options, clock), res, req, context, options, turn),
    open: (ws) => {
      ws.getUserData().opening.socket = ws;
    },
    message: (ws, message, isBinary) => {
      ws.getUserData().listener?.message(new Uint8Array(message), isBinary ? "binary" : "text");
    },
    drain: (ws) => ws.getUserData().listener?.drained(),
    close: (ws, code) => {
      const { connection, listener } = ws.getUserData();
      connection?.closed(code);
      listener?.closed(code);
    },
  });
  app.any("/*", (res, req) => {
    const exchange = new Exchange(res, req, options, clock);
    if (exchange.fault !== undefined) {
      exchange.refuse(400, exchange.fault);
      return;
    }
    const answer = (response: HttpResponse): void => {
      try {
        exchange.answer(response);
      } catch {
        exchange.cut();
      }
    };
    void options.handler(exchange).then(answer, () => exchange.cut());
  });
  return app;
}

/** The decision is not kept with the socket: it holds the whole request. */
function begin(socket: uws.WebSocket<SocketData>, decision: AcceptedUpgrade, turn: SendingTurn): void {
  const data = socket.getUserData();
  data.connection = new UwsConnection(socket, turn);
  data.listener = decision.open(data.connection);
  if (data.connection.closeCode !== undefined) {
    data.listener.closed(data.connection.closeCode);
  }
}

function upgrade(
  exchange: Exchange,
  res: uws.HttpResponse,
  req: uws.HttpRequest,
  context: uws.us_socket_context_t,
  { webSocket }: HttpServerOptions,
  turn: SendingTurn,
): void {
  if (exchange.fault !== undefined || exchange.hasBody) {
    exchange.refuse(400, exchange.fault ?? "an upgrade has no body");
    return;
  }
  // The server would take what follows for frames all the same, while a proxy in front that looks closer takes it for
  // requests, which is a way to smuggle them (RFC 6455, 4.4).
  if (req.getHeader("sec-websocket-version") !== "13") {
    exchange.refuse(426, "WebSockets are spoken here in version 13", [["sec-websocket-version", "13"]]);
    return;
  }
  const key = req.getHeader("sec-websocket-key");
  const extensions = req.getHeader("sec-websocket-extensions");
  const act = (decision: UpgradeDecision): void => {
    if (!decision.accept) {
      exchange.answer(decision.response);
    } else if (exchange.release()) {
      // Within the request's own callback, and in the promises that settle before it is over, the server has corked this. On a
      // later turn it is not corked, whatever the server says of that on stderr: uncorking looks for the flags of the HTTP
      // response where they were before the upgrade, in memory that has been given back, and by what it finds there closes the
      // connection (`upgrade.test.ts` provokes it; uNetworking/uWebSockets issue 1928, mended by its pull request 1929, which
      // uws-pack 20.0.8 does not have yet).
      const opening: Opening = { socket: undefined };
      res.upgrade<SocketData>({ opening }, key, decision.protocol, extensions, context);
      if (opening.socket !== undefined) {
        begin(opening.socket, decision, turn);
      }
    } else {
      // The client left while it was decided: what was reserved for it is given back.
      decision.open({ send: () => undefined, close: () => undefined, bufferedBytes: 0 }).closed(1006);
    }
  };
  const decided = webSocket.upgrade(exchange);
  if (!(decided instanceof Promise) && decided.accept) {
    act(decided);
    return;
  }
  // A refusal goes out on a later turn, as that of any request.
  void Promise.resolve(decided)
    .then(act)
    .catch(() => exchange.cut());
}
