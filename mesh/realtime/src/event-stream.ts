import { type HttpError, httpErrorOf } from "./http-error.ts";
import type { FetchLike, ResponseLike } from "./platform.ts";

/*
 * One stream of server-sent events (WHATWG HTML, 9.2), read by fetch: EventSource can send no Authorization header, gives
 * nobody the status of a refusal, and is not there in Node. What is read of an event are its type and its data.
 */

export interface EventStreamListener {
  /** The server has agreed, and events follow. */
  opened(): void;
  /** There will be no events: the answer that refused it, or undefined when there was none. */
  refused(error: (HttpError & { readonly status: number }) | undefined): void;
  /** Anything came: an event, or a sign of life. */
  heard(): void;
  event(type: string, data: string): void;
  /** There will be no more events. */
  ended(): void;
}

export interface EventStreamRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly fetch: FetchLike;
}

/** Opens a stream; gives what ends it without another word. */
export function openEventStream(
  { url, headers, fetch }: EventStreamRequest,
  listener: EventStreamListener,
): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const tell = (run: () => void) => signal.aborted || run();
  const request = { method: "GET", headers: { ...headers, accept: "text/event-stream" }, cache: "no-store" } as const;
  Promise.resolve()
    .then(() => fetch(url, { ...request, signal }))
    .then(
      async (response) => {
        const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
        if (response.status !== 200 || response.body === null || !isStream) {
          const error = await httpErrorOf(response);
          tell(() => listener.refused({ ...error, status: response.status }));
          return;
        }
        tell(() => listener.opened());
        await read(response.body, (chunk) => {
          tell(() => listener.heard());
          for (const { type, data } of chunk) {
            tell(() => listener.event(type, data));
          }
        }).catch(() => undefined);
        tell(() => listener.ended());
      },
      () => tell(() => listener.refused(undefined)),
    );
  return () => abort.abort();
}

interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

async function read(body: NonNullable<ResponseLike["body"]>, take: (events: StreamEvent[]) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    take(parse(decoder.decode(value as Uint8Array, { stream: true })));
  }
}

/** Takes the text of a stream in pieces of any size, and gives the events that each of them completes. */
export function createEventParser(): (text: string) => StreamEvent[] {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.map(eventOf).filter((event) => event !== undefined);
  };
}

function eventOf(block: string): StreamEvent | undefined {
  const data: string[] = [];
  let type = "message";
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([a-z]+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") {
      data.push(value);
    } else if (name === "event") {
      type = value;
    }
  }
  return data.length === 0 ? undefined : { type, data: data.join("\n") };
}
