/**
 * Where each component is drawn: columns from left to right, callers left of what they call, in the steps of Sugiyama,
 * Tagawa and Toda (1981): a component's column is the longest way to it; a link over several columns gets a narrow bend
 * in each one between, so that it passes between components and not through them; the order within columns is improved by
 * barycentres; then each is moved towards its neighbours as far as the spacing allows, which is why nothing overlaps.
 */
import type { Architecture } from "../architecture.ts";

export const boxWidth = 176;
export const boxHeight = 56;
const columnGap = 64;
const rowGap = 30;
const bendHeight = 4;
const margin = 26;
const sweeps = 8;

export interface PlacedBox {
  readonly id: string;
  readonly xPx: number;
  readonly yPx: number;
}

/** From the right edge of one box to the left edge of another, through the points between. */
export interface PlacedLink {
  readonly linkIndex: number;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ArchitectureLayout {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly columns: number;
  readonly boxes: readonly PlacedBox[];
  readonly links: readonly PlacedLink[];
}

/** A box, or the bend of a long link (`id` is null). */
interface Item {
  readonly id: string | null;
  readonly height: number;
  readonly left: Item[];
  readonly right: Item[];
  /** The middle. */
  y: number;
}

/** Links whose ends are not both among the components, or that lead back, are not drawn. */
export function layOut({ components, links }: Pick<Architecture, "components" | "links">): ArchitectureLayout {
  const ids = [...new Set(components.map(({ id }) => id))];
  const known = links.map(({ from, to }) => ({ from, to }));
  const columnOf = assignColumns(ids, known);
  const columns: Item[][] = [];
  const itemOf = new Map<string, Item>();
  for (const id of ids) itemOf.set(id, addItem(columns, columnOf.get(id) as number, id));
  const routes = known.map(({ from, to }) => route(columns, itemOf, columnOf, from, to));
  for (const column of columns) stack(column);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const column of columns) order(column, (item) => item.left);
    for (const column of [...columns].reverse()) order(column, (item) => item.right);
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const column of columns) settle(column, (item) => item.left);
    for (const column of [...columns].reverse()) settle(column, (item) => item.right);
  }
  return measure(columns, itemOf, columnOf, routes);
}

type Ends = { readonly from: string; readonly to: string };

/** The longest way from a component that nobody calls; those on a cycle come after all others. */
function assignColumns(ids: readonly string[], links: readonly Ends[]): Map<string, number> {
  const columnOf = new Map(ids.map((id) => [id, 0]));
  const drawn = links.filter(({ from, to }) => columnOf.has(from) && columnOf.has(to));
  const callers = new Map(ids.map((id) => [id, drawn.filter(({ to }) => to === id).length]));
  const ready = ids.filter((id) => callers.get(id) === 0);
  for (const id of ready) {
    for (const { from, to } of drawn) {
      if (from !== id) continue;
      columnOf.set(to, Math.max(columnOf.get(to) as number, (columnOf.get(id) as number) + 1));
      callers.set(to, (callers.get(to) as number) - 1);
      if (callers.get(to) === 0) ready.push(to);
    }
  }
  const placed = new Set(ready);
  const next = Math.max(-1, ...ready.map((id) => columnOf.get(id) as number)) + 1;
  for (const id of ids) if (!placed.has(id)) columnOf.set(id, next);
  return columnOf;
}

function addItem(columns: Item[][], column: number, id: string | null): Item {
  const item: Item = { id, height: id === null ? bendHeight : boxHeight, left: [], right: [], y: 0 };
  while (columns.length <= column) columns.push([]);
  columns[column]?.push(item);
  return item;
}

/** The items a link passes, its ends included; null when it is not drawn. */
function route(
  columns: Item[][],
  itemOf: ReadonlyMap<string, Item>,
  columnOf: ReadonlyMap<string, number>,
  from: string,
  to: string,
): Item[] | null {
  const [start, end] = [itemOf.get(from), itemOf.get(to)];
  const [first, last] = [columnOf.get(from) ?? 0, columnOf.get(to) ?? 0];
  if (start === undefined || end === undefined || last <= first) return null;
  const items = [start];
  for (let column = first + 1; column < last; column++) items.push(addItem(columns, column, null));
  items.push(end);
  for (let index = 1; index < items.length; index++) {
    items[index]?.left.push(items[index - 1] as Item);
    items[index - 1]?.right.push(items[index] as Item);
  }
  return items;
}

function order(column: Item[], neighboursOf: (item: Item) => readonly Item[]): void {
  const wishes = new Map(column.map((item) => [item, meanY(neighboursOf(item)) ?? item.y]));
  column.sort((a, b) => (wishes.get(a) as number) - (wishes.get(b) as number));
  stack(column);
}

/** One below the other, around 0. */
function stack(column: readonly Item[]): void {
  let y = 0;
  for (const [index, item] of column.entries()) {
    if (index > 0) y += spacing(column[index - 1] as Item, item);
    item.y = y;
  }
  for (const item of column) item.y -= y / 2;
}

/** Each as near to its neighbours' mean as the order and the spacing allow. */
function settle(column: readonly Item[], neighboursOf: (item: Item) => readonly Item[]): void {
  const wishes = column.map((item) => meanY(neighboursOf(item)) ?? item.y);
  for (const [index, item] of column.entries()) {
    const previous = column[index - 1];
    const wish = wishes[index] as number;
    item.y = previous === undefined ? wish : Math.max(wish, previous.y + spacing(previous, item));
  }
  const shift = column.reduce((sum, item, index) => sum + (wishes[index] as number) - item.y, 0) / column.length;
  for (const item of column) item.y += shift;
}

function spacing(above: Item, below: Item): number {
  return above.height / 2 + rowGap / (above.id === null && below.id === null ? 2 : 1) + below.height / 2;
}

function meanY(items: readonly Item[]): number | undefined {
  return items.length === 0 ? undefined : items.reduce((sum, { y }) => sum + y, 0) / items.length;
}

function measure(
  columns: readonly (readonly Item[])[],
  itemOf: ReadonlyMap<string, Item>,
  columnOf: ReadonlyMap<string, number>,
  routes: readonly (readonly Item[] | null)[],
): ArchitectureLayout {
  const all = columns.flat();
  const top = all.reduce((least, { y, height }) => Math.min(least, y - height / 2), all[0]?.y ?? 0) - margin;
  const bottom = all.reduce((most, { y, height }) => Math.max(most, y + height / 2), all[0]?.y ?? 0) + margin;
  const xOf = (column: number) => margin + column * (boxWidth + columnGap);
  const boxes = [...itemOf].map(([id, { y }]) => ({
    id,
    xPx: xOf(columnOf.get(id) as number),
    yPx: y - boxHeight / 2 - top,
  }));
  const links = routes.flatMap((items, linkIndex) => {
    if (items === null) return [];
    const first = columnOf.get(items[0]?.id as string) as number;
    const points = items.flatMap(({ y }, index): [number, number][] => {
      const x = xOf(first + index);
      const atY = y - top;
      if (index === 0) return [[x + boxWidth, atY]];
      return index === items.length - 1
        ? [[x, atY]]
        : [
            [x, atY],
            [x + boxWidth, atY],
          ];
    });
    return [{ linkIndex, points }];
  });
  const widthPx = xOf(Math.max(0, columns.length - 1)) + boxWidth + margin;
  return { widthPx, heightPx: bottom - top, columns: columns.length, boxes, links };
}
