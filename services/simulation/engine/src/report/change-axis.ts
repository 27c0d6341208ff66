/** The axis of a picture of changes: no change in the middle, as far to both sides as is shown. */
import { digits } from "./format.ts";
import { px } from "./markup.ts";

interface ChangeAxis {
  /** Where a share stands, in px; at the edge when it is beyond the reach. */
  at(share: number): number;
  /** Five lines with their shares, as markup. */
  readonly grid: string;
}

/** `reach` is the share at both ends, `bottom` where the lines end, in px. */
export function changeAxis(given: { left: number; right: number; bottom: number; reach: number }): ChangeAxis {
  const { left, right, bottom, reach } = given;
  const middle = (left + right) / 2;
  const at = (share: number) => middle + (Math.max(-1, Math.min(1, share / reach)) * (right - left)) / 2;
  const grid = [-1, -0.5, 0, 0.5, 1].map((part) => {
    const x = px(at(part * reach));
    return (
      `<line class="${part === 0 ? "axis" : "grid"}" x1="${x}" x2="${x}" y1="0" y2="${bottom}"/>` +
      `<text class="tick mid" x="${x}" y="${bottom + 17}">${signedPercent(part * reach)}</text>`
    );
  });
  return { at, grid: grid.join("") };
}

/** Changes below a thousandth of a percent are 0 beside any interval that can be drawn. */
export function signedPercent(share: number): string {
  const shown = Math.abs(share) < 1e-5 ? 0 : share;
  return `${shown > 0 ? "+" : ""}${digits(shown * 100)} %`;
}
