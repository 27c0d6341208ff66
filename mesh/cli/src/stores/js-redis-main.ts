import { renameSync } from "node:fs";
import { createServer } from "node:net";
import { createRedisServer } from "js-redis-server";
import { loadSnapshot, saveSnapshot } from "./js-redis-snapshot.ts";

/*
 * The Redis of machines that have none: js-redis-server as a process of its own, so that it can be stopped, killed and
 * started again like the real one. Arguments: the port, and the file that keeps the data over a clean stop.
 *
 * The library listens on every interface, so its own listener is closed once the snapshot is loaded; the connections of
 * ours, on 127.0.0.1, are handed to it instead.
 */
const port = Number(process.argv[2]);
const snapshotFile = process.argv[3] ?? "dump.jsonl";
const redis = await createRedisServer({ port: 0, logger: { error: (error: unknown) => console.error(error) } });
const { server } = redis.server;

try {
  await loadSnapshot(redis.port, snapshotFile);
} catch (error) {
  console.error(`${snapshotFile} could not be read and is set aside as ${snapshotFile}.bad:`, error);
  renameSync(snapshotFile, `${snapshotFile}.bad`);
}
server.close();

const listener = createServer((socket) => {
  socket.on("error", () => undefined);
  server.emit("connection", socket);
});
listener.on("error", (error) => {
  console.error(`could not bind 127.0.0.1:${port}: ${error.message}`);
  process.exit(1);
});
listener.listen(port, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${port}`));

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (!stopping) {
      stopping = true;
      void stop();
    }
  });
}

async function stop(): Promise<void> {
  try {
    await saveSnapshot(port, snapshotFile);
    process.exit(0);
  } catch (error) {
    console.error("the data could not be kept:", error);
    process.exit(1);
  }
}
