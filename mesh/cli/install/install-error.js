/** A failure the user can act on: `next` says how, in one sentence; `exitCode` is what the process ends with. */
export class InstallError extends Error {
  constructor(message, next = "", { exitCode = 1, cause } = {}) {
    super(message, { cause });
    this.name = "InstallError";
    this.next = next;
    this.exitCode = exitCode;
  }
}
