import { describe, expect, test } from "vitest";
import { formatFor } from "./accept.ts";

describe("a scrape gets", () => {
  test.each([
    undefined,
    "",
    "*/*",
    "text/plain",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;version=2.0.0",
    "application/openmetrics-text;q=0.3,text/plain;q=0.4",
  ])("Prometheus text for %j", (accept) => {
    expect(formatFor(accept)).toBe("prometheus");
  });

  test.each([
    "application/openmetrics-text",
    "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
    "text/plain, application/openmetrics-text",
    "application/openmetrics-text;q=high",
  ])("OpenMetrics for %j", (accept) => {
    expect(formatFor(accept)).toBe("openmetrics");
  });
});
