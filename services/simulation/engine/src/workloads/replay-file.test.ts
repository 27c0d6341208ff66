import { describe, expect, test } from "vitest";
import { parseReplay, ReplayFileError } from "./replay-file.ts";

function errorOf(text: string): ReplayFileError | undefined {
  try {
    parseReplay(text);
  } catch (error) {
    if (error instanceof ReplayFileError) return error;
    throw error;
  }
  return undefined;
}

describe("parseReplay", () => {
  test.each([
    ["seconds", "timestamp\n10\n10.25\n12\n", [0, 250, 2000]],
    ["seconds since 1970", "ts\n1700000000.5\n1700000001\n", [0, 500]],
    ["milliseconds since 1970", "time\n1700000000500\n1700000001000\n", [0, 500]],
    ["milliseconds by name", "timestamp_ms\n5\n7.5\n", [0, 2.5]],
    ["milliseconds by a name in camel case", "arrivalTimeMs\n5\n7.5\n", [0, 2.5]],
    ["seconds by name", "Start Time (s)\n1e12\n1000000000001\n", [0, 1000]],
    ["ISO 8601", "timestamp\n2024-02-28T23:59:59.750Z\n2024-03-01T00:00:00Z\n", [0, 86_400_250]],
    ["ISO 8601 with zones", "date\n2025-01-01T00:30:00+02:00\n2024-12-31 22:30:01\n", [0, 1000]],
    ["ISO 8601 with nanoseconds", 'date\n2025-01-01T00:00:00.000000000\n"2025-01-01T00:00:00,250000000"\n', [0, 250]],
    ["Windows line ends, a byte order mark and empty lines", "\ufefftime\r\n1\r\n\r\n3\r\n", [0, 2000]],
    ["quoted cells beside others", 'id,"time"\n"a,""b",3\nc,"4"\n', [0, 1000]],
    ["rows out of order", "time\n3\n1\n2\n", [0, 1000, 2000]],
    ["a file without a last line end", "time\n3", [0]],
  ])("reads %s", (_name, text, arrivalsMs) => {
    expect(parseReplay(text)).toEqual({ arrivalsMs, classes: [] });
  });

  test("tells classes apart, each from the first arrival of the file", () => {
    const { arrivalsMs, classes } = parseReplay("class,time,bytes\nread,2,10\nwrite,1,20\nread,1.5,10\n");
    expect(arrivalsMs).toEqual([0, 500, 1000]);
    expect(classes).toEqual([
      { name: "read", arrivalsMs: [500, 1000] },
      { name: "write", arrivalsMs: [0] },
    ]);
  });

  test.each([
    ["a cell that is no number", "id,time\na,1\nb,noon\n", 3, "time", /"noon" is no time; expected is a number/],
    ["a day that does not exist", "ts\n2023-02-29T00:00:00Z\n", 2, "ts", /is no time; expected is ISO 8601/],
    ["two formats", "ts\n2023-02-01T00:00:00Z\n5\n", 3, "ts", /"5" is no time/],
    ["a number that is no time", "time_ms\n1e300\n", 2, "time_ms", /is no time/],
    ["a missing cell", "id,time\na,1\nb\n", 3, "time", /ends before this column: it has 1/],
    ["a line with more cells than the header", "time\n1,5\n", 2, "", /has 2 cells, the header only 1/],
    ["no time column", "a,b\n1,2\n", 1, "", /no column is named timestamp, time or alike; given are "a", "b"/],
    ["no rows", "time\n", 1, "", /no arrivals/],
    ["nothing", "", 1, "", /no arrivals/],
    ["an open quotation mark", 'time\n"1\n', 2, "", /quotation mark/],
  ])("refuses %s and says where", (_name, text, line, column, message) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ line, column, message: expect.stringMatching(message) });
    expect(error?.message).toContain(`line ${line}`);
  });

  test("takes a million arrivals and no more", () => {
    const million = `time\n${"1\n".repeat(1_000_000)}`;
    expect(parseReplay(million).arrivalsMs).toHaveLength(1_000_000);
    expect(errorOf(`${million}1\n`)).toMatchObject({
      line: 1_000_002,
      message: expect.stringMatching(/at most 1000000/),
    });
  });
});
