import type { Database, Logger } from "@weft/mesh";
import type { Control, ControlMessage } from "../domain/lifecycle/ports.ts";
import type { Command } from "../domain/lifecycle/transitions.ts";

/**
 * Commands between instances over PostgreSQL's NOTIFY: simulations live in that database, so where a command can be
 * given at all, it can be carried.
 */
export interface NotifyControl extends Control {
  close(): Promise<void>;
}

const channel = "simulation_control";
const commands: readonly Command[] = ["pause", "resume", "stop", "load", "apply"];

export async function openNotifyControl(database: Database, logger: Logger): Promise<NotifyControl> {
  const commandListeners: ((message: ControlMessage) => void)[] = [];
  const pendingListeners: (() => void)[] = [];
  const stop = await database.listen(channel, (payload) => {
    const message = parse(payload);
    if (message !== undefined) {
      for (const listener of commandListeners) {
        listener(message);
      }
      return;
    }
    // Also after a reconnection, when notices may have been missed: looking costs one query.
    if (payload !== "" && payload !== "pending") {
      logger.warn({ payload }, "a control message could not be read");
    }
    for (const listener of pendingListeners) {
      listener();
    }
  });
  const notify = async (payload: string): Promise<void> => {
    await database.query({ name: "control-notify", text: "select pg_notify($1, $2)" }, [channel, payload]);
  };
  return {
    send: (message) => notify(JSON.stringify(message)),
    announcePending: () => notify("pending"),
    onCommand: (listener) => commandListeners.push(listener),
    onPending: (listener) => pendingListeners.push(listener),
    close: stop,
  };
}

function parse(payload: string): ControlMessage | undefined {
  if (!payload.startsWith("{")) {
    return undefined;
  }
  try {
    const value = JSON.parse(payload) as { id?: unknown; command?: unknown; load?: unknown };
    const command = commands.find((one) => one === value.command);
    if (typeof value.id !== "string" || command === undefined) {
      return undefined;
    }
    return { id: value.id, command, ...(typeof value.load === "number" ? { load: value.load } : {}) };
  } catch {
    return undefined;
  }
}
