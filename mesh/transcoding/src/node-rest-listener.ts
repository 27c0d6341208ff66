import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { bodyTooLargeError, type RestHandler, type RestResponse } from "./rest-handler.ts";

/*
 * A RestHandler on node:http. The body is read only once a route has matched, and never beyond the handler's limit: what
 * declares itself too large is refused unread. When the client goes away before it has its answer, the signal aborts.
 */

/** Answers a request and resolves to true, or resolves to false, leaving the request untouched, when no route has it. */
export type RestListener = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>;

export type RestListenerOptions = {
  /** Who asks, by the connection; what `invoke` gets as its caller. */
  readonly callerOf?: ((req: IncomingMessage) => string | undefined) | undefined;
};

/** Builds the listener. It never rejects. */
export function createRestListener(handler: RestHandler, options: RestListenerOptions = {}): RestListener {
  return async (req, res) => {
    const { path, query } = splitTarget(req.url ?? "");
    const controller = new AbortController();
    const abortIfUnanswered = (): void => {
      if (!res.writableFinished) {
        controller.abort(new ConnectError("the client closed the connection", Code.Canceled));
      }
    };
    res.once("close", abortIfUnanswered);
    const response = await handler.handle({
      verb: req.method ?? "",
      path,
      query,
      headers: headersOf(req),
      body: (maxBytes) => readBody(req, maxBytes),
      signal: controller.signal,
      caller: options.callerOf?.(req),
    });
    if (!response) {
      res.off("close", abortIfUnanswered);
      return false;
    }
    await write(req, res, response);
    return true;
  };
}

/** A target is a path with a query, or, from some proxies, a whole URL. */
function splitTarget(target: string): { path: string; query: string } {
  const local = target.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?]*/, "");
  const mark = local.indexOf("?");
  return mark < 0 ? { path: local, query: "" } : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

function headersOf(req: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(req.headersDistinct)) {
    for (const value of values ?? []) {
      headers.append(name, value);
    }
  }
  return headers;
}

function readBody(req: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const declaredBytes = Number(req.headers["content-length"] ?? 0);
  if (declaredBytes > maxBytes) {
    return Promise.reject(bodyTooLargeError(maxBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let receivedBytes = 0;
    const stop = (): void => {
      req.off("data", onData);
      req.off("end", onEnd);
      req.off("close", onClose);
    };
    const onData = (chunk: Uint8Array): void => {
      receivedBytes += chunk.byteLength;
      if (receivedBytes > maxBytes) {
        stop();
        reject(bodyTooLargeError(maxBytes));
        return;
      }
      chunks.push(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    };
    const onClose = (): void => {
      stop();
      reject(new ConnectError("the client closed the connection", Code.Canceled));
    };
    req.on("data", onData);
    req.on("end", onEnd);
    req.on("close", onClose);
    // A broken request also closes; this only keeps its error from being unhandled, now and later.
    req.on("error", () => {});
  });
}

async function write(
  req: IncomingMessage,
  res: ServerResponse,
  { status, headers, body }: RestResponse,
): Promise<void> {
  if (res.destroyed || res.headersSent) {
    await discard(body);
    return;
  }
  for (const [name, value] of headers) {
    if (name !== "set-cookie") {
      res.setHeader(name, value);
    }
  }
  if (headers.getSetCookie().length > 0) {
    res.setHeader("set-cookie", headers.getSetCookie());
  }
  if (!req.complete) {
    // The rest of the body is discarded, and the connection not used again, so that it cannot be sent forever.
    res.setHeader("connection", "close");
    req.resume();
  }
  res.statusCode = status;
  if (!(body instanceof Uint8Array)) {
    // Who goes away in the middle ends the pipeline, and that ends the body; there is nobody left to tell.
    await pipeline(Readable.from(body, { objectMode: false }), res).catch(() => undefined);
    return;
  }
  if (req.method !== "HEAD" && status !== 204) {
    res.setHeader("content-length", body.byteLength);
  }
  res.end(body);
}

async function discard(body: RestResponse["body"]): Promise<void> {
  if (!(body instanceof Uint8Array)) {
    await body[Symbol.asyncIterator]().return?.();
  }
}
