/**
 * Sentences about places, `component "menu": …` and `link "edge->menu": …`, with those that say the same of several places in
 * one: a system of fifteen components has thirty of them, and only eight are different.
 */
const placed = /^(component|link) "([^"]+)": (.+)$/;

/** In the order in which each was first said. A sentence without a place stays as it is. */
export function groupAssumptions(sentences: readonly string[]): string[] {
  const groups = new Map<string, { readonly kind: string; readonly text: string; readonly places: string[] }>();
  for (const sentence of sentences) {
    const [, kind = "", place = "", said = sentence] = placed.exec(sentence) ?? [];
    // What a link leads to is part of its name.
    const callee = kind === "link" ? place.slice(place.lastIndexOf(">") + 1) : "";
    const text = callee === "" ? said : said.replaceAll(`"${callee}"`, "what it calls");
    const group = groups.get(`${kind} ${text}`) ?? { kind, text, places: [] };
    if (place !== "") group.places.push(`"${place}"`);
    groups.set(`${kind} ${text}`, group);
  }
  return [...groups.values()].map(({ kind, text, places }) => {
    if (places.length === 0) return text;
    return `${kind}${places.length === 1 ? "" : "s"} ${places.join(", ")}: ${text}`;
  });
}
