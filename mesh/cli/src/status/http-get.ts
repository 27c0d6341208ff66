import { get } from "node:http";

/** What is read of an answer at most; more is refused. */
const maxAnswerBytes = 32 * 1024 * 1024;

/**
 * Asks one of an instance's own ports, each time on a new connection. Not `fetch`: that refuses ports such as 10080, which a
 * port offset may well give to an instance.
 */
export function httpGet(
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) {
          request.destroy(new Error(`the answer exceeds ${maxAnswerBytes} bytes`));
        }
      });
      response.on("error", reject);
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
