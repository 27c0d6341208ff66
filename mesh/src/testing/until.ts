import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits until `condition` gives a value other than false or undefined, and gives it; asks every few milliseconds. Fails
 * after `timeoutMs` (default 15 000, which only bounds a hang) with the description.
 */
export async function until<Value>(
  description: string,
  condition: () => Value | Promise<Value>,
  timeoutMs = 45_000,
): Promise<Exclude<Value, false | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value as Exclude<Value, false | undefined>;
    if (performance.now() > deadline) throw new Error(`gave up waiting until ${description}`);
    await pause(5);
  }
}
