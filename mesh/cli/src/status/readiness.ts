import { get } from "node:http";

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
    answer = await getReadyz(host, port, timeoutMs);
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

/** Not `fetch`: that refuses ports such as 10080, which a port offset may well give to an instance. */
function getReadyz(host: string, port: number, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: "/readyz", agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
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
