import { stripVTControlCharacters } from "node:util";
import type picocolors from "picocolors";
import { formatSpan, formatTable } from "../command-line/table.ts";
import { clip, formatBytes, formatCount, formatMs, formatRate, formatShare, plainText } from "./format-values.ts";
import type { BreakerState, PeerView, PoolView } from "./instance-view.ts";
import type { InstanceView, TopView } from "./sampler.ts";
import { keyOfInstance, type SortName, selectedIndex, sortedInstances, type TopState } from "./top-state.ts";

/*
 * The picture of a view, as lines. Instances above, the peers of the selected one below; in a low window both give way, the
 * lists before the selected line. Pure: numbers in, text out.
 */

export type Colors = ReturnType<typeof picocolors.createColors>;

export interface ScreenSize {
  readonly width: number;
  readonly height: number;
}

const headings: readonly (readonly [string, SortName | undefined])[] = [
  ["SERVICE", "name"],
  ["INSTANCE", undefined],
  ["STATE", undefined],
  ["CALLS/S", "rate"],
  ["IN FLIGHT", undefined],
  ["P50", undefined],
  ["P99", "p99"],
  ["ERRORS", "errors"],
  ["CPU", "cpu"],
  ["MEMORY", "memory"],
  ["LAG P99", undefined],
  ["LIMIT", undefined],
  ["NOTE", undefined],
];
const peerHeadings = [
  ...["PEER", "INSTANCE", "CALLS/S", "P50", "P99", "ERRORS", "RETRIES/S", "HEDGES/S"],
  ...["OPEN", "CONN", "DRAIN", "USED", "QUEUE", "BREAKER", "LAST CHANGE"],
];
/** Columns of words; the others are numbers, which stand at the right. */
const wordColumns: ReadonlySet<string> = new Set([
  ...["SERVICE", "INSTANCE", "STATE", "CALLER", "PEER", "BREAKER", "LAST CHANGE", "NOTE"],
]);

/** The screen: never more lines than its height, none longer than its width. */
export function renderScreen(view: TopView, state: TopState, size: ScreenSize, colors: Colors): string[] {
  const instances = sortedInstances(view, state.sort);
  const at = selectedIndex(instances.map(keyOfInstance), state);
  const selected = instances[at];
  const [heading = "", ...rows] = markSelected(instanceTable(instances, state.sort, colors), at, size.width, colors);
  const details = selected === undefined ? [] : detailLines(selected, view.atMs, colors);
  const top = [...titleLines(view, state, colors), heading];
  const footer = colors.dim("q quit   ↑↓ select   ←→ sort   p pause");
  const body = Math.max(1, size.height - top.length - 1);
  // Half of the window at least belongs to the instances, if there are so many.
  const forRows = Math.max(1, Math.min(rows.length, Math.max(Math.ceil(body / 2), body - details.length - 1)));
  const first = Math.min(Math.max(0, at - Math.floor(forRows / 2)), Math.max(0, rows.length - forRows));
  const shown = rows.slice(first, first + forRows);
  const below = ["", ...details].slice(0, Math.max(0, body - shown.length));
  const lines = [...top, ...(rows.length === 0 ? ["no instance is registered"] : shown), ...below];
  const padding = Array.from({ length: Math.max(0, size.height - lines.length - 1) }, () => "");
  return [...lines, ...padding, footer].slice(0, size.height).map((line) => clip(line, size.width));
}

/** The same for a file or a pipe: everything, once. */
export function renderSnapshot(view: TopView, sort: SortName, colors: Colors): string[] {
  const instances = sortedInstances(view, sort);
  const callers = instances.flatMap((instance) =>
    peerRows(instance.load?.peers ?? [], view.atMs, colors).map((row) => [plainText(keyOfInstance(instance)), ...row]),
  );
  return [
    ...(instances.length === 0 ? ["no instance is registered"] : instanceTable(instances, sort, colors)),
    ...unreadableLines(view, colors),
    ...(callers.length === 0 ? [] : ["", ...aligned(["CALLER", ...peerHeadings], callers)]),
  ];
}

function titleLines(view: TopView, state: TopState, colors: Colors): string[] {
  const loads = view.instances.flatMap(({ load }) => load ?? []);
  const services = new Set(view.instances.map(({ service }) => service)).size;
  const lost = view.instances.length - loads.length;
  const parts = [
    colors.bold("weft top"),
    new Date(view.atMs).toTimeString().slice(0, 8),
    `${services} services, ${view.instances.length} instances`,
    `${formatRate(loads.reduce((sum, { callsPerSecond }) => sum + (callsPerSecond ?? 0), 0))} calls/s`,
    `sorted by ${state.sort}`,
    ...(lost === 0 ? [] : [colors.red(`${lost} unreachable`)]),
    ...(state.paused ? [colors.yellow("paused")] : []),
  ];
  const away = view.registryError;
  return [
    parts.join("   "),
    ...(away === null ? [] : [colors.red(`the registry does not answer, the list may be old: ${plainText(away)}`)]),
    ...unreadableLines(view, colors),
  ];
}

function unreadableLines({ unreadable }: TopView, colors: Colors): string[] {
  return unreadable.map((key) => colors.red(`the record ${plainText(key)} cannot be read`));
}

function instanceTable(instances: readonly InstanceView[], sort: SortName, colors: Colors): string[] {
  const rows = instances.map((instance) => instanceRow(instance, colors));
  return aligned(
    headings.map(([text, name]) => (name === sort ? `${text}↓` : text)),
    rows,
  );
}

function instanceRow({ service, instance, status, load, unreachable }: InstanceView, colors: Colors): string[] {
  const name = [plainText(service), plainText(instance)];
  if (load === null) {
    const numbers = Array.from({ length: headings.length - 4 }, () => "-");
    return [...name, colors.red("unreachable"), ...numbers, plainText(unreachable ?? "")];
  }
  const worst = worstBreaker(load.peers);
  return [
    ...name,
    status === "ready" ? status : colors.yellow(status),
    formatRate(load.callsPerSecond),
    formatCount(load.inFlight),
    formatMs(load.p50Ms),
    formatMs(load.p99Ms),
    errorsCell(load.errorShare, colors),
    formatShare(load.cpuShare),
    formatBytes(load.memoryBytes),
    formatMs(load.eventLoopLagP99Ms),
    formatCount(load.admissionLimit),
    worst === null ? "" : `breaker ${breakerCell(worst, colors)}`,
  ];
}

/** The state of a caller's worst breaker, if one does not admit. */
function worstBreaker(peers: readonly PeerView[]): BreakerState | null {
  const states = new Set(peers.flatMap(({ pools }) => pools.map(({ breaker }) => breaker)));
  return states.has("ejected") ? "ejected" : states.has("probing") ? "probing" : null;
}

function detailLines(
  { service, instance, address, load, unreachable }: InstanceView,
  nowMs: number,
  colors: Colors,
): string[] {
  const name = colors.bold(plainText(`${service}/${instance}`));
  if (load === null) {
    return [`${name}   ${colors.red("unreachable")}: ${plainText(unreachable ?? "")}`];
  }
  const lanes =
    load.lanesOpen === null
      ? []
      : [
          `${formatCount(load.lanesOpen)} lanes${load.meanBatch === null ? "" : `, ${load.meanBatch.toFixed(1)} frames a write`}`,
        ];
  const title = [name, plainText(address ?? ""), ...lanes].join("   ");
  const rows = peerRows(load.peers, nowMs, colors);
  return rows.length === 0 ? [title, "it calls no other service"] : [title, ...aligned(peerHeadings, rows)];
}

/** A line for each peer, and below it one for each of its instances. */
function peerRows(peers: readonly PeerView[], nowMs: number, colors: Colors): string[][] {
  return peers.flatMap((peer) => {
    const sum = (of: (pool: PoolView) => number | null): number | null =>
      peer.pools.length === 0 ? null : peer.pools.reduce((total, pool) => total + (of(pool) ?? 0), 0);
    const change = peer.lastTransition;
    const where = change?.instance == null ? "" : ` ${plainText(change.instance)}`;
    const why = change?.reason == null ? "" : ` (${plainText(change.reason)})`;
    return [
      [
        plainText(peer.peer),
        `${peer.pools.length} in all`,
        ...[formatRate(peer.callsPerSecond), formatMs(peer.p50Ms), formatMs(peer.p99Ms)],
        errorsCell(peer.errorShare, colors),
        ...[formatRate(peer.retriesPerSecond), formatRate(peer.hedgesPerSecond)],
        formatCount(sum((pool) => pool.open)),
        formatCount(sum((pool) => pool.connecting)),
        formatCount(sum((pool) => pool.draining)),
        "",
        formatCount(sum((pool) => pool.queueDepth)),
        "",
        change === null ? "" : `${plainText(change.to)}${where}${why} ${formatSpan(nowMs - change.atMs)} ago`,
      ],
      ...peer.pools.map((pool) => [
        "",
        plainText(pool.instance),
        ...[formatRate(pool.callsPerSecond), "", pool.latencyMs === null ? "" : `~${formatMs(pool.latencyMs)}`],
        ...["", "", ""],
        ...[formatCount(pool.open), formatCount(pool.connecting), formatCount(pool.draining)],
        ...[formatShare(pool.utilization), formatCount(pool.queueDepth)],
        pool.breaker === null ? "-" : breakerCell(pool.breaker, colors),
        "",
      ]),
    ];
  });
}

function errorsCell(share: number | null, colors: Colors): string {
  const text = formatShare(share);
  return share === null || share === 0 ? text : share < 0.01 ? colors.yellow(text) : colors.red(text);
}

function breakerCell(state: BreakerState, colors: Colors): string {
  return { admitting: colors.green, probing: colors.yellow, ejected: colors.red }[state](state);
}

/** The table with its selected line turned around, or pointed at where there are no colours. */
function markSelected(table: readonly string[], selected: number, width: number, colors: Colors): string[] {
  return table.map((line, index) => {
    const isSelected = index === selected + 1;
    if (!colors.isColorSupported) {
      return `${isSelected ? ">" : " "} ${line}`;
    }
    return isSelected ? colors.inverse(clip(stripVTControlCharacters(line), width).padEnd(width)) : line;
  });
}

/** A table whose numbers stand at the right of their columns. */
function aligned(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const visible = (text: string): number => stripVTControlCharacters(text).length;
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => visible(row[column] ?? ""))),
  );
  const place = (cells: readonly string[]): string[] =>
    cells.map((cell, column) =>
      wordColumns.has((titles[column] ?? "").replace("↓", ""))
        ? cell
        : " ".repeat((widths[column] ?? 0) - visible(cell)) + cell,
    );
  return formatTable(place(titles), rows.map(place)).split("\n");
}
