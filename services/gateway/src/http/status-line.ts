import { STATUS_CODES } from "node:http";

/** "404 Not Found", as uWebSockets.js wants it; codes nobody named get a dash. */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? "-"}`;
}
