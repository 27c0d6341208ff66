import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { WebSocket } from "ws";
import { LatencyRecorder } from "../latency.ts";

/** What the server of single messages is told. */
export interface OneEachOrder {
  readonly viewers: number;
  readonly messagesPerSecond: number;
  readonly seconds: number;
  readonly mostBufferedBytes: number;
}

export interface OneEachFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of all that were due, to all viewers: what arrived while they were sent. */
  readonly deliveredShare: number;
}

/** Single messages over `ws`, from a process of its own, without Redis and without anybody's permission to ask for. */
export async function measureOneEach(order: OneEachOrder): Promise<OneEachFigures> {
  const child = fork(new URL("../processes/one-each-main.ts", import.meta.url), [JSON.stringify(order)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const endWithUs = (): void => void child.kill();
  process.once("exit", endWithUs);
  const sockets: WebSocket[] = [];
  try {
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    const latencies = new LatencyRecorder();
    let arrived = 0;
    for (let viewer = 0; viewer < order.viewers; viewer += 1) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      // The server leaves without a word when its time is up.
      socket.on("error", () => undefined);
      socket.on("message", (data: Buffer) => {
        arrived += 1;
        latencies.record(performance.timeOrigin + performance.now() - data.readDoubleLE(0));
      });
      sockets.push(socket);
    }
    await ended(child);
    return {
      p50Ms: latencies.percentileMs(50),
      p99Ms: latencies.percentileMs(99),
      maxMs: latencies.percentileMs(100),
      deliveredShare: arrived / (order.viewers * order.messagesPerSecond * order.seconds),
    };
  } finally {
    process.off("exit", endWithUs);
    for (const socket of sockets) {
      socket.terminate();
    }
    child.kill("SIGKILL");
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
}
