import { type Machine, machineLine } from "../machine.ts";
import type { Better, Spread } from "../rounds.ts";
import type { Row } from "./rows.ts";
import { formatNumber } from "./table.ts";

/*
 * The page of a run: charts as inline SVG and the table below. It is one file that loads nothing, so that it can be sent
 * and opened anywhere, and it follows the reader's light or dark setting.
 */

/** One chart: a bar per contender with a line from the smallest to the largest round. */
export interface Picture {
  readonly title: string;
  readonly unit: string;
  readonly better: Better;
  readonly bars: readonly Bar[];
}

export interface Bar extends Spread {
  readonly label: string;
  readonly ours: boolean;
}

export interface PageContent {
  readonly title: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly pictures: readonly Picture[];
  readonly notes: readonly string[];
}

export function renderPage({ title, machine, rows, pictures, notes }: PageContent): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · ${escapeHtml(machine.date.slice(0, 10))}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(machine.date.slice(0, 16).replace("T", " "))} UTC · ${escapeHtml(machineLine(machine))}</p>
<div class="charts">
${pictures
  .filter(({ bars }) => bars.length > 0)
  .map(renderChart)
  .join("\n")}
</div>
<h2>Rows</h2>
<div class="scroll"><table>
<thead><tr><th>row</th><th>what</th><th>ours</th><th>peer</th><th>unit</th><th>ratio</th><th>min–max</th><th>at least</th><th></th></tr></thead>
<tbody>
${rows.map(renderRow).join("\n")}
</tbody>
</table></div>
<p>A ratio is better when larger, of latencies too. It is the median of the ratios of the rounds; min–max are those of the
rounds.</p>
<ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("")}</ul>
</body>
</html>
`;
}

const style = `
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5c6b7a;--line:#d5dde5;--paper:#fff;--ours:#0f7b6c;--peer:#9db2c6;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9fb0c0;--line:#33414f;--paper:#12181f;--ours:#3fc1ad;--peer:#54697d;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.15rem;margin-top:2rem}p,li{color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem}
figure{margin:0}figcaption{font-weight:600;margin-bottom:.25rem}svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}.ours{fill:var(--ours)}.peer{fill:var(--peer)}
.spread{stroke:var(--ink);stroke-width:1.5}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--line)}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}td:nth-child(2){white-space:normal;min-width:14rem;color:var(--soft)}
.bad{color:var(--bad);font-weight:600}`;

const width = 480;
const labelWidth = 140;
const valueWidth = 70;
const barHeight = 18;
const rowHeight = 26;

function renderChart({ title, unit, better, bars }: Picture): string {
  const largest = Math.max(...bars.map(({ max }) => max));
  const room = width - labelWidth - valueWidth;
  const scale = (value: number): number => (largest <= 0 ? 0 : (value / largest) * room);
  const height = bars.length * rowHeight;
  const described = bars.map(({ label, median }) => `${label} ${formatNumber(median)} ${unit}`).join(", ");
  const drawn = bars.map(({ label, ours, median, min, max }, index) => {
    const top = index * rowHeight + (rowHeight - barHeight) / 2;
    const middle = top + barHeight / 2;
    const start = labelWidth + scale(min);
    const end = labelWidth + scale(max);
    return [
      `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escapeHtml(label)}</text>`,
      `<rect class="${ours ? "ours" : "peer"}" x="${labelWidth}" y="${top}" width="${px(scale(median))}" height="${barHeight}" rx="2"/>`,
      `<line class="spread" x1="${px(start)}" x2="${px(end)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${px(Math.max(end, labelWidth + scale(median)) + 6)}" y="${middle + 4}">${escapeHtml(formatNumber(median))}</text>`,
    ].join("");
  });
  return `<figure><figcaption>${escapeHtml(title)} (${escapeHtml(unit)}, ${better} is better)</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${title}: ${described}`)}">${drawn.join("")}</svg></figure>`;
}

function renderRow(row: Row): string {
  const cells = [
    row.id,
    row.what,
    formatNumber(row.ours),
    row.peer === null ? "" : formatNumber(row.peer),
    row.unit,
    row.ratio === null ? "" : `${formatNumber(row.ratio)}×`,
    row.spread === null ? "" : `${formatNumber(row.spread[0])}–${formatNumber(row.spread[1])}`,
    row.atLeast === null ? "" : `${row.atLeast}×`,
  ];
  const verdict = row.ok ? "<td>ok</td>" : '<td class="bad">not ok</td>';
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}${verdict}</tr>`;
}

function px(value: number): string {
  return value.toFixed(1);
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
