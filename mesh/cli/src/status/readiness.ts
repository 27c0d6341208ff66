import { httpGet } from "./http-get.ts";

/** What an instance's health port answered to `GET /readyz`. */
export interface Readiness {
  readonly ready: boolean;
  /** Named checks and whether each passed; empty when the answer names none. */
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
  /** Why it is not ready, when that is known. */
  readonly reason?: string;
}

/** Asks an instance whether it is ready. Never throws: an instance that does not answer is not ready. */
export async function askReadiness(host: string, port: number, timeoutMs = 1_000): Promise<Readiness> {
  let answer: { status: number; text: string };
  try {
    answer = await httpGet(host, port, "/readyz", timeoutMs);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ready: false, checks: [], reason: code ?? message };
  }
  const checks = readChecks(answer.text);
  if (answer.status === 200) {
    return { ready: true, checks };
  }
  const failed = checks
    .filter((check) => !check.ok)
    .map(({ name, detail }) => (detail === undefined ? name : `${name}: ${detail}`));
  const reason = failed.length > 0 ? failed.join(", ") : answer.text.slice(0, 200);
  return { ready: false, checks, reason: `HTTP ${answer.status} ${reason}`.trim() };
}

/** Checks stand in the answer as `{ checks: { <name>: { ok, error? } } }`; anything else names no checks. */
function readChecks(text: string): { name: string; ok: boolean; detail?: string }[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const { checks } = (typeof value === "object" && value !== null ? value : {}) as { checks?: unknown };
  if (typeof checks !== "object" || checks === null) {
    return [];
  }
  return Object.entries(checks as Record<string, { ok?: unknown; error?: unknown } | null>).map(([name, check]) => ({
    name,
    ok: check?.ok === true,
    ...(typeof check?.error === "string" ? { detail: check.error } : {}),
  }));
}
