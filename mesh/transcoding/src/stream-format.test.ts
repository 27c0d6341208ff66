import { describe, expect, test } from "vitest";
import { ndjson, serverSentEvents, streamFormatFor } from "./stream-format.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("streamFormatFor", () => {
  test.each([
    [null, ndjson],
    ["", ndjson],
    ["*/*", ndjson],
    ["application/json, */*;q=0.1", ndjson],
    ["text/event-stream", serverSentEvents],
    ["text/*", serverSentEvents],
    ["TEXT/Event-Stream, application/x-ndjson;q=0.9", serverSentEvents],
    ["application/x-ndjson, text/event-stream", ndjson],
    ["application/x-ndjson;q=0, */*", serverSentEvents],
    ["*/*;q=0.5, text/event-stream;q=0.4", ndjson],
    ["text/event-stream; charset=utf-8; q=1, */*;q=0.5", serverSentEvents],
  ])("takes %j", (accept, format) => {
    expect(streamFormatFor(accept).contentType).toBe(format.contentType);
  });

  test.each(["application/json", "text/html, image/*", "*/*;q=0", "text/event-stream;q=x"])(
    "refuses %j, naming what there is",
    (accept) => {
      expect(() => streamFormatFor(accept)).toThrow("application/x-ndjson or text/event-stream");
    },
  );
});

describe("the formats", () => {
  test("write an item a line, or an event", () => {
    expect(text(ndjson.message({ a: "\n" }))).toBe('{"result":{"a":"\\n"}}\n');
    expect(text(ndjson.failure({ code: "internal" }))).toBe('{"error":{"code":"internal"}}\n');
    expect(text(serverSentEvents.message({ a: "\n" }))).toBe('data: {"a":"\\n"}\n\n');
    expect(text(serverSentEvents.failure({ code: "internal" }))).toBe('event: failure\ndata: {"code":"internal"}\n\n');
    expect(text(serverSentEvents.end)).toBe("event: end\ndata: {}\n\n");
  });
});
