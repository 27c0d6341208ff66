import { once } from "node:events";
import { WebSocket } from "ws";

/** What a viewer hears of a simulation, with when it arrived: this machine's wall clock, milliseconds with fractions. */
export type Heard =
  | { readonly form: "binary"; readonly bytes: Buffer; readonly arrivedAtMs: number }
  | { readonly form: "json"; readonly push: JsonPush; readonly bytes: number; readonly arrivedAtMs: number };

interface JsonPush {
  readonly data: { readonly sequence: number };
}

/** One WebSocket to the gateway that watches one simulation. */
export interface Viewer {
  /** Subscribes, or changes what is subscribed already; resolves when the gateway has confirmed it. */
  subscribe(encoding: "json" | "binary"): Promise<void>;
  listener: ((heard: Heard) => void) | undefined;
  close(): void;
}

export async function openViewer(address: string, token: string, simulationId: string): Promise<Viewer> {
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}/ws`, ["weft.v1"], {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  const answers = new Map<number, PromiseWithResolvers<void>>();
  let asked = 0;
  const viewer: Viewer = {
    listener: undefined,
    subscribe: (encoding) => {
      asked += 1;
      const answer = Promise.withResolvers<void>();
      answers.set(asked, answer);
      socket.send(JSON.stringify({ id: asked, subscribe: { channel: `simulation:${simulationId}`, encoding } }));
      return answer.promise;
    },
    close: () => socket.close(),
  };
  socket.on("message", (data, isBinary) => {
    const arrivedAtMs = performance.timeOrigin + performance.now();
    if (isBinary) {
      viewer.listener?.({ form: "binary", bytes: data as Buffer, arrivedAtMs });
      return;
    }
    const { id, push, error } = JSON.parse(String(data)) as { id?: number; push?: JsonPush; error?: unknown };
    if (push !== undefined) {
      viewer.listener?.({ form: "json", push, bytes: (data as Buffer).byteLength, arrivedAtMs });
    } else if (error !== undefined) {
      answers.get(id ?? -1)?.reject(new Error(`the gateway refused: ${JSON.stringify(error)}`));
    } else {
      answers.get(id ?? -1)?.resolve();
    }
  });
  socket.on("close", (code, reason) => {
    for (const answer of answers.values()) {
      answer.reject(new Error(`closed with ${code} ${String(reason)}`));
    }
  });
  await once(socket, "open");
  return viewer;
}
