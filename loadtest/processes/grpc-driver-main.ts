import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";

/*
 * A driver for plain gRPC where h2load is not installed: a fixed number of streams on a few connections, each opened again
 * as soon as it ends. Node drives slower than a C program and is likely the limit of what it measures; rows made with
 * it say so. Arguments: port, body file, connections, streams per connection, warm-up and measuring time in ms. Prints one JSON
 * object: {"succeeded", "failed", "elapsedMs"}.
 */

const [port = "", bodyFile = "", ...numbers] = process.argv.slice(2);
const [connections = 1, streams = 1, warmUpMs = 0, measureMs = 1000] = numbers.map(Number);
const body = readFileSync(bodyFile);
const headers = {
  ":method": "POST",
  ":path": "/weft.auth.v1.AuthService/ValidateToken",
  "content-type": "application/grpc",
  te: "trailers",
};

let running = true;
let succeeded = 0;
let failed = 0;

const sessions = await Promise.all(
  Array.from({ length: connections }, async () => {
    const session = connect(`http://127.0.0.1:${port}`);
    await once(session, "connect");
    return session;
  }),
);
for (const session of sessions) {
  for (let stream = 0; stream < streams; stream += 1) {
    request(session);
  }
}
setTimeout(() => {
  succeeded = 0;
  failed = 0;
  const startMs = performance.now();
  setTimeout(() => {
    running = false;
    console.log(JSON.stringify({ succeeded, failed, elapsedMs: performance.now() - startMs }));
    for (const session of sessions) {
      session.destroy();
    }
  }, measureMs);
}, warmUpMs);

function request(session: ClientHttp2Session): void {
  const stream = session.request(headers, { endStream: false });
  let bytes = 0;
  let status: unknown;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.on("error", () => undefined);
  stream.on("close", () => {
    if (!running) {
      return;
    }
    if (status === "0" && bytes > 5) {
      succeeded += 1;
    } else {
      failed += 1;
    }
    request(session);
  });
  stream.end(body);
}
