import type { Located, LocatedEntry, LocatedList, LocatedMap } from "./located-yaml.ts";

/** Typed looks into located YAML: each answers undefined when the value is absent or of another shape. */
export function entryOf(node: Located | undefined, key: string): LocatedEntry | undefined {
  return node?.type === "map" ? node.entries.get(key) : undefined;
}

/** The value at a path of keys; undefined as soon as one step is not a mapping. */
export function valueAt(node: Located | undefined, ...path: string[]): Located | undefined {
  let current = node;
  for (const key of path) current = entryOf(current, key)?.value;
  return current;
}

export function mapAt(node: Located | undefined, ...path: string[]): LocatedMap | undefined {
  const value = valueAt(node, ...path);
  return value?.type === "map" ? value : undefined;
}

export function listAt(node: Located | undefined, ...path: string[]): LocatedList | undefined {
  const value = valueAt(node, ...path);
  return value?.type === "list" ? value : undefined;
}

/** The text of a scalar that is not null. */
export function textAt(node: Located | undefined, ...path: string[]): string | undefined {
  const value = valueAt(node, ...path);
  return value?.type === "scalar" && value.value !== null ? value.text : undefined;
}

/** The items of a list, or of a mapping its values, or none. */
export function itemsOf(node: Located | undefined): readonly Located[] {
  return node?.type === "list" ? node.items : [];
}

export function entriesOf(node: Located | undefined): LocatedEntry[] {
  return node?.type === "map" ? [...node.entries.values()] : [];
}

/** Whether a whole number is written here, and which; accepts quoted digits, as compose and Kubernetes files have them. */
export function wholeNumberFrom(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text.trim()) ? Number(text.trim()) : undefined;
}
