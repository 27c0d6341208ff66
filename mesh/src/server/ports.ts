import type { Server } from "node:net";
import { MeshError } from "../errors.ts";
import { findPortHolder } from "./port-holder.ts";

/*
 * Which ports an instance listens on (MESH-02, MESH-05). Instance k of a service takes the k-th block of its range:
 * base + 4k … base + 4k + 3, each named port at its offset in the block. A range has 20 ports, so five instances fit
 * on one machine. WEFT_PORT_OFFSET shifts every range; GRPC_PORT and its like override single ports.
 */

/** Ports of a range that are given out; the 21st that the port map publishes stays unused. */
const portsPerRange = 20;

/** Offsets of the standard ports in a block. */
export const standardPorts: Readonly<Record<string, number>> = { grpc: 0, http: 1, metrics: 2, health: 3 };

export interface PortPlan {
  readonly basePort: number;
  readonly portOffset: number;
  /** Named ports and their offsets in the block. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly portsPerInstance: number;
  readonly overrides: Readonly<Record<string, number>>;
}

/** The ports of instance `index`, by name. Throws CONFIG_INVALID when the block lies outside the range. */
export function portBlock(plan: PortPlan, index: number): Record<string, number> {
  const most = Math.floor(portsPerRange / plan.portsPerInstance);
  if (index >= most) {
    throw new MeshError(
      "CONFIG_INVALID",
      `instance ${index}: the range of ${portsPerRange} ports holds instances 0 to ${most - 1}`,
    );
  }
  const start = plan.basePort + plan.portOffset + index * plan.portsPerInstance;
  if (start + plan.portsPerInstance - 1 > 65_535) {
    throw new MeshError(
      "CONFIG_INVALID",
      `WEFT_PORT_OFFSET is ${plan.portOffset}, which moves port ${start} beyond 65535`,
    );
  }
  return Object.fromEntries(
    Object.entries(plan.offsets).map(([name, offset]) => [name, plan.overrides[name] ?? start + offset]),
  );
}

/** Something that opens a named port and says which one it got. */
export interface Listener {
  /** Rejects with the system's error (EADDRINUSE …). */
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
}

export interface OpenedPorts {
  readonly index: number;
  readonly ports: Readonly<Record<string, number>>;
}

/**
 * Opens all listeners on one block: the one asked for, else the first that is wholly free. A block is opened completely
 * or not at all. Throws PORT_TAKEN naming the port, who holds it, and what to do.
 */
export async function openPorts(
  plan: PortPlan,
  wantedIndex: number | undefined,
  listeners: Readonly<Record<string, Listener>>,
  host: string,
): Promise<OpenedPorts> {
  const most = Math.floor(portsPerRange / plan.portsPerInstance);
  const candidates = wantedIndex === undefined ? Array.from({ length: most }, (_, index) => index) : [wantedIndex];
  let taken: { port: number; name: string } | undefined;
  for (const index of candidates) {
    const wanted = portBlock(plan, index);
    const opened = await tryOpen(wanted, listeners, host);
    if (opened.ok) {
      return { index, ports: opened.ports };
    }
    taken = opened.taken;
    if (plan.overrides[taken.name] !== undefined) {
      // The same port in every block.
      break;
    }
  }
  throw await portTaken(taken, plan, wantedIndex, host);
}

async function tryOpen(
  wanted: Readonly<Record<string, number>>,
  listeners: Readonly<Record<string, Listener>>,
  host: string,
): Promise<{ ok: true; ports: Record<string, number> } | { ok: false; taken: { port: number; name: string } }> {
  const ports: Record<string, number> = { ...wanted };
  const opened: Listener[] = [];
  for (const [name, listener] of Object.entries(listeners)) {
    const port = wanted[name] ?? 0;
    try {
      ports[name] = await listener.listen(port, host);
      opened.push(listener);
    } catch (error) {
      await Promise.all(opened.map((one) => one.close()));
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") {
        return { ok: false, taken: { port, name } };
      }
      const why = error instanceof Error ? error.message : String(error);
      throw new MeshError("PORT_TAKEN", `${name} port ${port} on ${host} could not be opened (${why})`, {
        cause: error,
      });
    }
  }
  return { ok: true, ports };
}

async function portTaken(
  taken: { port: number; name: string } | undefined,
  plan: PortPlan,
  wantedIndex: number | undefined,
  host: string,
): Promise<MeshError> {
  const port = taken?.port ?? plan.basePort + plan.portOffset;
  const name = taken?.name ?? "a";
  const holder = await findPortHolder(port);
  const by = holder === undefined ? "another process" : `process ${holder.pid} (${holder.command})`;
  const overridden = plan.overrides[name] !== undefined;
  const from = plan.basePort + plan.portOffset;
  const all =
    wantedIndex === undefined && !overridden ? `every block of the range from ${from} is taken; the last: ` : "";
  const instead = overridden
    ? `give ${name.toUpperCase()}_PORT another value`
    : "set WEFT_PORT_OFFSET to run beside it";
  return new MeshError("PORT_TAKEN", `${all}${name} port ${port} on ${host} is held by ${by}; stop it, or ${instead}`);
}

/** A listener over a plain server of node:net, node:http or node:http2. */
export function serverListener(server: Server): Listener {
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        const onError = (error: Error): void => {
          server.off("listening", onListening);
          reject(error);
        };
        const onListening = (): void => {
          server.off("error", onError);
          const address = server.address();
          resolve(typeof address === "object" && address !== null ? address.port : port);
        };
        server.once("error", onError);
        server.once("listening", onListening);
        server.listen({ port, host, exclusive: true });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
