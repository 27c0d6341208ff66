import { describe, expect, test } from "vitest";
import { parseMetrics } from "./parse-metrics.ts";

const read = (text: string) => Object.fromEntries(parseMetrics(text));

describe("parseMetrics", () => {
  test("reads names, labels and values, with a time or without", () => {
    expect(read('a 1\nb{x="1",y="two"} 2.5e3 1395066363000\nb{} -0.5\n')).toEqual({
      a: [{ labels: {}, value: 1 }],
      b: [
        { labels: { x: "1", y: "two" }, value: 2500 },
        { labels: {}, value: -0.5 },
      ],
    });
  });

  test("knows a metric that has no series yet", () => {
    expect(read("# HELP a Calls.\n# TYPE a counter\n")).toEqual({ a: [] });
  });

  test("takes label values as they are, whatever they hold", () => {
    expect(read('a{x="q\\"b\\\\n\\nl{} 5",y="},z=\\"1\\""} 3\n')).toEqual({
      a: [{ labels: { x: 'q"b\\n\nl{} 5', y: '},z="1"' }, value: 3 }],
    });
  });

  test("reads infinities, NaN, and exemplars as nothing but the value before them", () => {
    expect(
      read('a +Inf\na -Inf\na Nan\na{le="1.0"} 7 # {trace_id="ab"} 0.5 1.2\n').a?.map(({ value }) => value),
    ).toEqual([Infinity, -Infinity, Number.NaN, 7]);
  });

  test.each(["", "\n\n", "<html>not metrics</html>", "a", "a b", 'a{x="1} 2', "{} 1", "# EOF"])(
    "leaves out what it cannot read: %j",
    (text) => {
      expect(read(`${text}\nb 1\n`)).toEqual({ b: [{ labels: {}, value: 1 }] });
    },
  );
});
