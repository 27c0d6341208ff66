import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Architecture } from "../architecture.ts";
import type { Study } from "../replications/study.ts";
import { component, link, poisson } from "../scenario.ts";
import { pageStyle } from "./page-style.ts";
import { around, latencyAround, shop, shopStudy, studyOf } from "./sample-study.ts";
import { renderStudyPage } from "./study-page.ts";

const voidElements = new Set(["meta", "!doctype"]);

/** What is wrong with the page as a document: tags that do not match, ids given twice or looked for in vain, non-numbers. */
function faultsOf(page: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  const bare = page.replace(/(<(script|style)>)[\s\S]*?(<\/\2>)/g, "$1$3");
  const tag = /<(\/?)([!a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][\w:-]*="[^"<>]*"|\s+[a-z]+)*)\s*(\/?)>/g;
  for (const [, slash, name = "", , selfClosed] of bare.matchAll(tag)) {
    if (voidElements.has(name) || selfClosed === "/") continue;
    if (slash === "") open.push(name);
    else if (open.pop() !== name) faults.push(`</${name}> closes nothing`);
  }
  if (open.length > 0) faults.push(`left open: ${open.join(", ")}`);
  if (/[<>]/.test(bare.replace(tag, ""))) faults.push("a bare < or > in text");
  const ids = [...bare.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id as string);
  if (new Set(ids).size !== ids.length) faults.push("an id given twice");
  for (const [, id] of bare.matchAll(/url\(#([^)]*)\)/g)) if (!ids.includes(id as string)) faults.push(`no #${id}`);
  for (const word of ["NaN", "undefined", "Infinity", "[object"]) if (page.includes(word)) faults.push(word);
  return faults;
}

function render(study: Study, architecture: Architecture = shop, title = "A study"): string {
  return renderStudyPage(study, { title, architecture });
}

function chain(length: number): Architecture {
  const names = Array.from({ length }, (_, index) => `s${index}`);
  return {
    components: [component("c", "client"), ...names.map((name) => component(name, "service"))],
    links: names.map((name, index) => link(index === 0 ? "c" : (names[(index - 1) >> 1] as string), name)),
    workloads: [poisson("c", 1)],
  };
}

const zero = around(0);
const noLatency = latencyAround(0);
const one: Architecture = { components: [component("only", "service")], links: [], workloads: [] };
const notNumbers = { value: Number.NaN, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

describe("renderStudyPage", () => {
  it.each<[string, Study, Architecture]>([
    ["an ordinary study", shopStudy, shop],
    ["a single run", { ...shopStudy, replications: 1 }, shop],
    [
      "no requests at all",
      studyOf(shop, { throughputPerSecond: zero, latency: noLatency, latencyCurve: [], series: [], warmupMs: 0 }),
      shop,
    ],
    [
      "a single point",
      studyOf(shop, { series: shopStudy.series.slice(0, 1), latencyCurve: [{ upToMs: 5, share: 1 }] }),
      shop,
    ],
    ["one component", studyOf(one), one],
    [
      "no components",
      studyOf({ components: [], links: [], workloads: [] }),
      { components: [], links: [], workloads: [] },
    ],
    ["60 components", studyOf(chain(60)), chain(60)],
    ["a load balancer's study without its architecture", shopStudy, one],
    [
      "huge numbers",
      studyOf(shop, {
        throughputPerSecond: around(1e300),
        latency: latencyAround(1e200),
        durationMs: 1e300,
        events: 1e300,
        series: shopStudy.series.map((point) => ({ ...point, simulatedMs: point.simulatedMs * 1e290, p99Ms: 1e306 })),
        latencyCurve: [1e-300, 1, 1e300].map((upToMs, index) => ({ upToMs, share: index / 2 })),
      }),
      shop,
    ],
    [
      "tiny numbers",
      studyOf(shop, {
        throughputPerSecond: around(1e-12),
        latency: latencyAround(5e-324),
        durationMs: 1e-9,
        warmupMs: 1e-10,
        series: shopStudy.series.map((point) => ({ ...point, simulatedMs: 1e-9, requestsPerSecond: 5e-324, p50Ms: 0 })),
        latencyCurve: [{ upToMs: 5e-324, share: 1 }],
      }),
      shop,
    ],
    [
      "figures that are not numbers",
      studyOf(shop, {
        throughputPerSecond: notNumbers,
        errorRatio: notNumbers,
        latency: { ...noLatency, p99Ms: notNumbers },
        warmupMs: Number.NaN,
        durationMs: Number.POSITIVE_INFINITY,
        series: shopStudy.series.map((point) => ({ ...point, p50Ms: Number.NaN, inFlight: Number.POSITIVE_INFINITY })),
        latencyCurve: [{ upToMs: Number.POSITIVE_INFINITY, share: Number.NaN }],
        bottlenecks: [
          {
            component: "gone",
            reason: "new-kind",
            message: "m",
            utilization: Number.NaN,
            headroom: Number.POSITIVE_INFINITY,
          },
        ],
      }),
      shop,
    ],
  ])("gives a well-formed document for %s", (_, study, architecture) => {
    expect(faultsOf(render(study, architecture))).toEqual([]);
  });

  it("keeps hostile names, ids, titles and sentences as text", () => {
    const nasty = fc.oneof(
      fc.constantFrom(
        "</script><script>alert(1)</script>",
        `" onload="x`,
        "'><img src=x>",
        "a & b &lt;",
        "--><!--",
        "\0\x1b",
        "|",
      ),
      fc.string({ unit: "binary", maxLength: 40 }),
    );
    const words = nasty.filter((text) => !/NaN|undefined|Infinity|\[object/.test(text));
    fc.assert(
      fc.property(words, words, (first, second) => {
        const architecture: Architecture = {
          components: [component(`${first}c`, "client"), component(`${second}s`, "service", { name: first })],
          links: [link(`${first}c`, `${second}s`)],
          workloads: [poisson(`${first}c`, 1)],
        };
        const finding = { component: `${second}s`, reason: first, message: second, utilization: 0.5, headroom: 2 };
        const page = render(studyOf(architecture, { bottlenecks: [finding], warnings: [first] }), architecture, second);
        expect(faultsOf(page)).toEqual([]);
        expect(page.match(/<(script|img)/g)).toEqual(["<script"]);
      }),
      { numRuns: 25, seed: 7 },
    );
  });

  it("asks nothing of any network and forbids it to itself", () => {
    const page = render(shopStudy);
    expect(page).toContain(`content="default-src 'none';`);
    expect(page).not.toMatch(/https?:|\bsrc=|\bhref=|@import|url\((?!#arrow\))/);
  });

  it("has one main heading, and a name for every picture and table", () => {
    const page = render(shopStudy);
    expect(page.match(/<h1>/g)).toHaveLength(1);
    const pictures = page.match(/<svg[^>]*>/g) ?? [];
    expect(pictures).toHaveLength(7);
    for (const picture of pictures) expect(picture).toMatch(/role="img".* aria-label="[^"]{20,}"/);
    expect(page.match(/<table/g)?.length).toBe(page.match(/<caption>/g)?.length);
  });

  it("says single run in place of every interval when there was one", () => {
    const page = render({ ...shopStudy, replications: 1 });
    expect(page).toContain("p99 182 ms (single run)");
    expect(page).not.toContain("171–193");
  });

  it("shades the warm-up and says where it was cut and by what", () => {
    expect(render(shopStudy).match(/warm-up, 24 s, found by MSER-5/g)).toHaveLength(4);
    expect(render({ ...shopStudy, warmupMs: 0, warmupFrom: "given" })).not.toContain(`class="warmup"`);
  });

  it("has what repeating it takes", () => {
    const page = render(shopStudy);
    for (const part of ["42 for the first", "poisson: 110/s, into web shoppers", "20</dd>", "5 min in each"]) {
      expect(page).toContain(part);
    }
    const json = /<pre>([\s\S]*)<\/pre>/.exec(page)?.[1]?.replaceAll("&quot;", '"') as string;
    expect(JSON.parse(json)).toEqual(shop);
  });

  it("takes the caller's script and style, and neither can end its element", () => {
    const charts = { script: `const s = "</script><!--";`, style: `p::after{content:"</style>"}` };
    const page = renderStudyPage(shopStudy, { title: "t", architecture: shop, charts });
    expect(page).toContain(String.raw`const s = "<\/script><\!--";`);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).not.toContain("svg[data-x]");
  });
});

describe("pageStyle", () => {
  const [light = "", dark = ""] = [...pageStyle.matchAll(/:root\{([^}]*)\}/g)].map(([, body]) => body as string);
  const colours = (body: string) =>
    Object.fromEntries([...body.matchAll(/--([a-z]+):(#[0-9a-f]{3,6})/g)].map(([, a, b]) => [a, b]));

  it.each([
    ["light", colours(light)],
    ["dark", { ...colours(light), ...colours(dark) }],
  ])("has text at 4.5 to 1 and pictures at 3 to 1 when %s", (_, colour) => {
    for (const background of [colour.card, colour.page]) {
      for (const text of ["ink", "soft", "good", "fair", "hot"]) {
        expect(contrast(colour[text], background), text).toBeGreaterThanOrEqual(4.5);
      }
      for (const mark of ["a", "b", "c", "calm", "warm"]) {
        expect(contrast(colour[mark], background), mark).toBeGreaterThanOrEqual(3);
      }
    }
    expect(contrast(colour.card, colour.hot)).toBeGreaterThanOrEqual(4.5);
  });
});

/** WCAG 2.2, "contrast ratio". */
function contrast(one = "", other = ""): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
