/**
 * The document around every page of the report: one HTML file that stands alone and forbids itself the network. The reader
 * needs no script; it only adds read-outs to the charts.
 */
import type { Estimate } from "../replications/study.ts";
import { formatInterval, formatQuantity, type UnitName } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { pageStyle } from "./page-style.ts";
import { readOutScript } from "./read-out-script.ts";

export interface PageDocument {
  /** Plain text. */
  readonly title: string;
  /** Markup. */
  readonly body: readonly string[];
  /** Trusted: replaces the page's read-outs. */
  readonly script?: string | undefined;
  /** Trusted: comes after the page's own. */
  readonly style?: string | undefined;
}

export function renderDocument({ title, body, script = readOutScript, style = "" }: PageDocument): string {
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(title)}</title>`,
    `<meta name="viewport" content="width=device-width,initial-scale=1">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline'">`,
    `<style>${inline(pageStyle + style)}</style></head><body>`,
    ...body,
    `<script>${inline(script)}</script></body></html>`,
    "",
  ].join("\n");
}

export function section(title: string, content: string): string {
  return content === "" ? "" : `<section><h2>${title}</h2>${content}</section>`;
}

export const footer = "</main><footer>Simulated with Weft.</footer>";

/** The content of a cell: a figure with its interval below, so that more of them stand side by side. */
export function estimateCell(estimate: Estimate, unit: UnitName, replications: number): string {
  const interval = formatInterval(estimate, unit, replications);
  return formatQuantity(estimate.value, unit) + (interval === "" ? "" : `<small>${interval}</small>`);
}

/** A table that can be scrolled sideways; `caption` and cells are markup, the first cell of a row is its heading. */
export function scrollTable(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = headings.map((heading) => `<th scope="col">${heading}</th>`).join("");
  const body = rows.map(
    ([name = "", ...cells]) =>
      `<tr><th scope="row">${name}</th>${cells.map((text) => `<td>${text}</td>`).join("")}</tr>`,
  );
  return (
    `<div class="card"><div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>` +
    `<caption><span>${caption}</span></caption><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div></div>`
  );
}

/** An end tag inside would end the element early; in a string of a script or style the backslash changes nothing. */
function inline(text: string): string {
  return text.replace(/<(?=\/(script|style)|!--)/gi, "<\\");
}
