import type { JsonValue, Message } from "@bufbuild/protobuf";
import type { StreamFormat } from "./stream-format.ts";

/*
 * The messages of a server stream as the body of an answer.
 *
 * The first message is waited for before anything is sent: a call that fails at once (no permission, not found) is
 * answered with its HTTP status, like any other. Once the answer has begun its status is out, so a later failure becomes
 * the last item of the body. The messages are read at the speed of the client, and whoever stops reading the body ends
 * the call, also before its first piece.
 */

type StreamBodyOptions = {
  readonly format: StreamFormat;
  readonly encode: (message: Message) => JsonValue;
  /** The error as the client is told of it. */
  readonly describe: (error: unknown) => JsonValue;
};

/** Resolves when there is a first message or a clean end. Rejects with the error of a stream that had none. */
export async function openStreamBody(
  messages: AsyncIterable<Message>,
  { format, encode, describe }: StreamBodyOptions,
): Promise<AsyncIterableIterator<Uint8Array>> {
  const source = messages[Symbol.asyncIterator]();
  let first: IteratorResult<Message> | undefined = await source.next();
  let ended = false;

  async function piece(): Promise<Uint8Array | undefined> {
    if (ended) {
      return undefined;
    }
    try {
      const item = first ?? (await source.next());
      first = undefined;
      if (item.done !== true) {
        return format.message(encode(item.value));
      }
      ended = true;
      return format.end;
    } catch (error) {
      await stop();
      return format.failure(describe(error));
    }
  }

  async function stop(): Promise<void> {
    if (!ended) {
      ended = true;
      // The call may refuse to end in an orderly way; the client has gone, or knows of the failure.
      await source.return?.().catch(() => undefined);
    }
  }

  const body: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => body,
    async next() {
      const value = await piece();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    async return() {
      await stop();
      return { done: true, value: undefined };
    },
  };
  return body;
}
