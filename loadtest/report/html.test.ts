import { describe, expect, test } from "vitest";
import { type PageContent, renderPage } from "./html.ts";

const content: PageContent = {
  title: "Weft <and> its peers",
  machine: {
    cpu: "Some CPU",
    cores: 2,
    memoryGiB: 8,
    system: "linux",
    node: "v22",
    loadBefore: 0.1,
    commit: null,
    date: "2026-03-01T10:20:30.000Z",
  },
  rows: [
    {
      id: "latency-1/grpc-js",
      what: "p50 & more",
      ours: 0.1,
      peer: 0.3,
      peerName: "grpc-js",
      unit: "ms",
      ratio: 3,
      atLeast: 2,
      ok: false,
      spread: [2, 4],
    },
  ],
  pictures: [
    {
      title: "Calls",
      unit: "calls/s",
      better: "more",
      bars: [
        { label: "Weft", ours: true, median: 100, min: 80, max: 200 },
        { label: "a<b", ours: false, median: 50, min: 50, max: 50 },
      ],
    },
    { title: "Nothing measured", unit: "ms", better: "less", bars: [] },
  ],
  notes: ["how <it> was done"],
};

describe("renderPage", () => {
  const page = renderPage(content);

  test("stands alone: it loads nothing", () => {
    expect(page).not.toMatch(/\b(src|href)=|@import|url\(|<script/);
  });

  test("escapes what it did not write itself", () => {
    expect(page).toContain("Weft &lt;and&gt; its peers");
    expect(page).toContain("p50 &amp; more");
    expect(page).toContain("how &lt;it&gt; was done");
    expect(page).not.toContain("a<b");
  });

  test("draws a bar as long as its share of the largest value, ours in its own colour", () => {
    expect(page).toMatch(/<rect class="ours" x="140" y="4" width="135\.0"/);
    expect(page).toMatch(/<rect class="peer" x="140" y="30" width="67\.5"/);
  });

  test("draws the spread over the bar", () => {
    expect(page).toContain('x1="248.0" x2="410.0"');
  });

  test("says in words what a chart shows", () => {
    expect(page).toContain('aria-label="Calls: Weft 100 calls/s, a&lt;b 50 calls/s"');
  });

  test("leaves out a chart without values", () => {
    expect(page).not.toContain("Nothing measured");
  });

  test("marks a row that is not ok", () => {
    expect(page).toContain('<td class="bad">not ok</td>');
  });
});
