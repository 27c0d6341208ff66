import type { Order, Reply, Request } from "./orders.ts";

/** The child's end: answers each order, and ends with the process that gave it. */
export function answerOrders(answer: (order: Order) => Promise<unknown>): void {
  process.on("message", ({ id, order }: Request) => {
    answer(order).then(
      (result) => reply({ id, result }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}

function reply(message: Reply): void {
  process.send?.(message);
}

export function resources(): { readonly cpuMs: number; readonly atMs: number } {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, atMs: performance.now() };
}
