import { type DescMethod, type DescMethodUnary, type Message, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ChildCalls, Clock } from "@weft/mesh";
import type { ClientWait } from "../upstream/client-wait.ts";
import { cacheOptionOf, ResponseCache } from "./response-cache.ts";
import { SharedReads } from "./shared-reads.ts";

/*
 * How calls without side effects are spared: an answer that is kept and still good, else one that is on its way already, else
 * a call of its own.
 */

export interface Read {
  /** One that `isRead`. */
  readonly method: DescMethodUnary;
  readonly message: Message;
  /** The Authorization header, "" without one: the answer is for nobody else. */
  readonly credentials: string;
  /** Stands for method and message, where a protocol has something that does; no other protocol's begins alike. */
  readonly key: string | undefined;
}

export interface Reads {
  /** The answer to a read; `call` is made when there is none to be had. */
  read(read: Read, reader: ClientWait, call: (calls: ChildCalls) => Promise<Message>): Promise<Message>;
  /** A call with these credentials that may have changed something has ended. */
  changed(credentials: string): void;
}

/** Nobody sends this as credentials. */
const everybody = "*";

/** `maxBytes` bounds what is kept of answers. */
export function createReads(clock: Clock, { maxBytes }: { readonly maxBytes: number }): Reads {
  const flights = new SharedReads(clock);
  const cache = new ResponseCache(clock, maxBytes);
  return {
    read({ method, message, credentials, key = keyOf(method, message) }, reader, call) {
      const option = cacheOptionOf(method);
      if (option === undefined) {
        return flights.read({ credentials, key, call }, reader);
      }
      const owner = option.public ? everybody : credentials;
      const kept = cache.get(owner, key);
      if (kept !== undefined) {
        return Promise.resolve(kept);
      }
      const keep = (answer: Message): void => {
        const answerBytes = toBinary(method.output, answer).byteLength;
        cache.put(owner, key, answer, { answerBytes, forMs: option.seconds * 1000 });
      };
      return flights.read({ credentials, key, call, keep }, reader);
    },
    changed(credentials) {
      flights.fence(credentials);
      cache.forget(credentials);
    },
  };
}

/** Answers of one method may come in two forms, read or opaque, and are then not those of each other's callers. */
function keyOf({ parent, name, input, output }: DescMethodUnary, message: Message): string {
  return `${parent.typeName}/${name}\n${output.typeName}\n${bytesAsText(toBinary(input, message))}`;
}

/** Whether a call changes nothing, as its contract says. */
export function isRead(method: DescMethod): boolean {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** One character per byte: the cheapest text that differs when the bytes do. */
function bytesAsText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
