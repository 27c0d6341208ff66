import { afterEach, beforeEach, vi } from "vitest";

/** Keeps what is written to the stream during each test from the terminal, and gives it as `text`. */
export function hear(stream: "stdout" | "stderr"): { readonly text: string } {
  const heard = { text: "" };
  beforeEach(() => {
    heard.text = "";
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      heard.text += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return heard;
}
