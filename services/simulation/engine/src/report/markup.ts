/**
 * Text that comes from outside (names, ids, titles, messages) enters the page only through `escapeMarkup`; what is fitted
 * into a picture is measured here. The widths are estimates, because nothing is laid out where the page is made: an
 * average of a sans-serif's advance widths, twice that for East Asian ones.
 */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Safe as an element's text and as a quoted attribute; characters that HTML forbids become the replacement character. */
export function escapeMarkup(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] as string)
    .replace(/\p{Cc}/gu, (character) => (character === "\n" || character === "\t" ? character : "\uFFFD"));
}

const averageAdvanceEm = 0.56;
const firstWideCodePoint = 0x1100;

export function textWidthPx(text: string, fontSizePx: number): number {
  let advances = 0;
  for (const character of text) advances += (character.codePointAt(0) as number) >= firstWideCodePoint ? 2 : 1;
  return advances * averageAdvanceEm * fontSizePx;
}

/** The text, or as much of its start as fits, ending in "…". Not yet escaped. */
export function fitText(text: string, widthPx: number, fontSizePx: number): string {
  if (textWidthPx(text, fontSizePx) <= widthPx) return text;
  let fitted = "";
  for (const character of text) {
    if (textWidthPx(`${fitted}${character}…`, fontSizePx) > widthPx) break;
    fitted += character;
  }
  return `${fitted.trimEnd()}…`;
}

/** A coordinate or length in a picture: a tenth of a pixel is enough. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
