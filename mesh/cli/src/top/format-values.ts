import { stripVTControlCharacters } from "node:util";

/*
 * Values as a person reads them in a narrow column. What is not known is a dash, never a zero.
 */
const unknown = "-";

export function formatRate(perSecond: number | null): string {
  return perSecond === null ? unknown : shortNumber(perSecond);
}

export function formatCount(count: number | null): string {
  return count === null ? unknown : shortNumber(count);
}

export function formatMs(ms: number | null): string {
  if (ms === null) {
    return unknown;
  }
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(ms >= 10_000 ? 0 : 1)} s`;
  }
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** A share from 0 to 1; a failure among thousands of calls still shows. */
export function formatShare(share: number | null): string {
  if (share === null) {
    return unknown;
  }
  const percent = share * 100;
  return percent === 0 ? "0%" : percent < 0.1 ? "<0.1%" : `${percent.toFixed(percent < 10 ? 1 : 0)}%`;
}

export function formatBytes(bytes: number | null): string {
  if (bytes === null) {
    return unknown;
  }
  const mebibytes = bytes / 2 ** 20;
  return mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)} GiB` : `${mebibytes.toFixed(0)} MiB`;
}

/** Names come from other programs: what would steer the terminal is taken out. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** The first columns of a line, colours not counted and kept whole. */
export function clip(line: string, width: number): string {
  if (stripVTControlCharacters(line).length <= width) {
    return line;
  }
  let left = Math.max(0, width - 1);
  let clipped = "";
  let cut = false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of this program's own lines.
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith("\u001b[")) {
      clipped += part;
    } else if (!cut) {
      clipped += part.slice(0, left);
      cut = part.length > left;
      clipped += cut && width > 0 ? "…" : "";
      left -= Math.min(left, part.length);
    }
  }
  return clipped;
}

function shortNumber(value: number): string {
  if (value >= 1_000_000) {
    return `${(value / 1_000_000).toFixed(1)}M`;
  }
  if (value >= 10_000) {
    return `${(value / 1000).toFixed(1)}k`;
  }
  return Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
