/*
 * The life of a simulation (SIM-04): PENDING until an instance takes it, then RUNNING and PAUSED in turn, then one of
 * three ends. Pure: whether a command does something, nothing, or is refused.
 */

export type Status = "PENDING" | "RUNNING" | "PAUSED" | "COMPLETED" | "STOPPED" | "FAILED";
/** "apply": changes that were asked for are to be made. */
export type Command = "pause" | "resume" | "stop" | "load" | "apply";

const ends: ReadonlySet<Status> = new Set(["COMPLETED", "STOPPED", "FAILED"]);

export function hasEnded(status: Status): boolean {
  return ends.has(status);
}

/** "apply" it, it is "done" already, or it is "refused" in this status. */
export function outcomeOf(command: Command, status: Status): "apply" | "done" | "refused" {
  switch (command) {
    case "pause":
      return status === "RUNNING" ? "apply" : status === "PAUSED" ? "done" : "refused";
    case "resume":
      return status === "PAUSED" ? "apply" : status === "RUNNING" ? "done" : "refused";
    case "stop":
      return hasEnded(status) ? "done" : "apply";
    case "load":
    case "apply":
      return hasEnded(status) ? "refused" : "apply";
  }
}

/** Whether the command's effect can be seen in the status; that of a load or a change cannot, nor is it waited for there. */
export function isVisible(command: Command, status: Status): boolean {
  switch (command) {
    case "pause":
      return status === "PAUSED" || hasEnded(status);
    case "resume":
      return status === "RUNNING" || hasEnded(status);
    case "stop":
      return hasEnded(status);
    case "load":
    case "apply":
      return true;
  }
}
