import { RequestBodyError } from "./http-server.ts";

/**
 * The body of one request while it arrives, kept up to a limit.
 *
 * A body that turns out too large is read on and thrown away for a while (`discardMaxBytes`): closing a connection whose
 * data is still on its way makes the client see a reset instead of the answer. Beyond that the answer goes out at once.
 */
export class BodyCollector {
  readonly #maxBytes: number;
  readonly #discardMaxBytes: number;
  readonly #result = Promise.withResolvers<Uint8Array>();
  #chunks: Uint8Array[] = [];
  #receivedBytes = 0;
  #settled = false;
  #complete = false;

  constructor(limits: { readonly maxBytes: number; readonly discardMaxBytes: number }) {
    this.#maxBytes = limits.maxBytes;
    this.#discardMaxBytes = limits.discardMaxBytes;
    // Nobody may want the body; a failure is then no news.
    this.#result.promise.catch(() => undefined);
  }

  /** Takes the next piece, which is copied: servers reuse its memory. */
  push(chunk: Uint8Array, last: boolean): void {
    this.#receivedBytes += chunk.byteLength;
    this.#complete = last;
    if (this.#settled) {
      return;
    }
    if (this.#receivedBytes > this.#maxBytes) {
      this.#chunks = [];
      if (last || this.#receivedBytes > this.#maxBytes + this.#discardMaxBytes) {
        this.fail(
          new RequestBodyError("too_large", `the request body must not be larger than ${this.#maxBytes} bytes`),
        );
      }
      return;
    }
    if (chunk.byteLength > 0) {
      this.#chunks.push(chunk.slice());
    }
    if (last) {
      this.#settled = true;
      this.#result.resolve(this.#joined());
    }
  }

  fail(error: RequestBodyError): void {
    if (!this.#settled) {
      this.#settled = true;
      this.#chunks = [];
      this.#result.reject(error);
    }
  }

  /** Whether the client has sent all of it, kept or not. */
  get complete(): boolean {
    return this.#complete;
  }

  read(): Promise<Uint8Array> {
    return this.#result.promise;
  }

  #joined(): Uint8Array {
    const [only] = this.#chunks;
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
  }
}
