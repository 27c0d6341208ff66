/** An event of a stream, as a browser would give it out. */
export interface StreamEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: unknown;
}

/** A client of server-sent events whose events are taken one by one. */
export class EventStream {
  readonly response: Response;
  readonly #controller: AbortController;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  /** Of the last event that had one. */
  lastEventId: string | undefined;

  private constructor(response: Response, controller: AbortController) {
    this.response = response;
    this.#controller = controller;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  /** Resolves when the head of the answer is here. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const controller = new AbortController();
    return new EventStream(await fetch(url, { headers, signal: controller.signal }), controller);
  }

  /** The next event; undefined when the stream has ended. Comments are left out. */
  async next(): Promise<StreamEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const event = eventFrom(this.#text.slice(0, end));
        this.#text = this.#text.slice(end + 2);
        if (event !== undefined) {
          this.lastEventId = event.id ?? this.lastEventId;
          return event;
        }
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) {
        return undefined;
      }
      this.#text += Buffer.from(value).toString();
    }
  }

  leave(): void {
    this.#controller.abort();
  }
}

function eventFrom(block: string): StreamEvent | undefined {
  const fields = new Map(
    block.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
    }),
  );
  const data = fields.get("data");
  return data === undefined
    ? undefined
    : {
        type: fields.get("event") ?? "message",
        id: fields.get("id"),
        retry: fields.get("retry"),
        data: JSON.parse(data),
      };
}
