import { Agent, request } from "node:http";
import type { FuzzRequest } from "./requests.ts";

/** What came back, or that nothing did. */
export interface FuzzAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Why there is no answer. */
  readonly failure?: string;
}

export interface Sender {
  send(sent: Pick<FuzzRequest, "verb" | "target" | "headers" | "body">): Promise<FuzzAnswer>;
  close(): void;
}

/** Longer than the gateway lets any call take: what has no answer by then has none. */
const answerTimeoutMs = 75_000;

/**
 * Sends targets as they are, where fetch would first tidy up the path. Header values that node:http refuses to send do
 * not reach any server, and count as not sent: status -1.
 */
export function createSender(address: string, connections: number): Sender {
  const { hostname, port } = new URL(address);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    close: () => agent.destroy(),
    send: ({ verb, target, headers, body }) =>
      new Promise((resolve) => {
        const none = (status: number, failure: string) =>
          resolve({ status, headers: {}, body: Buffer.alloc(0), failure });
        const hasBody = body.byteLength > 0 || (verb !== "GET" && verb !== "DELETE");
        const length = hasBody ? { "content-length": String(body.byteLength) } : {};
        let call: ReturnType<typeof request>;
        try {
          call = request({ agent, hostname, port, method: verb, path: target, headers: { ...headers, ...length } });
        } catch (error) {
          none(-1, String(error));
          return;
        }
        call.setTimeout(answerTimeoutMs, () => call.destroy(new Error("no answer in time")));
        call.on("error", (error) => none(0, String(error)));
        call.on("response", (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", (error) => none(0, String(error)));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
          );
        });
        call.end(hasBody ? body : undefined);
      }),
  };
}
