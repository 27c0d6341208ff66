/** What is wrong with bytes that should be a frame. */
export type FrameFault = "not-a-frame" | "unknown-version" | "truncated" | "malformed";

/** Bytes that are no frame; `fault` says which kind of no, and the message where. */
export class FrameFormatError extends Error {
  override readonly name = "FrameFormatError";
  readonly fault: FrameFault;

  constructor(fault: FrameFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
