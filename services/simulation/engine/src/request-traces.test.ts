import { describe, expect, test } from "vitest";
import { RequestTraces } from "./request-traces.ts";

describe("RequestTraces", () => {
  test("forgets a request for which there is no room, rather than to keep a part of it", () => {
    const traces = new RequestTraces(1, 3);
    const sent = { component: 1, link: 0, attempt: 1, calledNs: 1, sentNs: 1, pausedNs: 0, connectionNs: 0 };
    const first = traces.begin(0, 0);
    const second = traces.begin(0, 0);
    traces.attempt({ ...sent, parent: first });
    expect(traces.attempt({ ...sent, parent: second })).toBe(-1);
    for (const root of [first, second]) traces.end(root, "completed");
    expect(traces.requests().map((spans) => spans.length)).toEqual([2]);
  });
});
