import { stripVTControlCharacters } from "node:util";

/*
 * Help as wide as the terminal. citty puts each option on a line of its own, its name and then its description, however long
 * that is; a terminal that breaks it anywhere mixes the two columns. So the description goes on below itself, or, where the
 * names leave too little room beside them, below its name. Escape codes have no width and stay where they are.
 */

/** Between the columns of citty's lists. */
const columnGap = /^(\s*\S.*?) {4}(?=\S)/;
const leastDescription = 28;
const nameIndent = 2;
const belowNameIndent = 6;

/** No line is wider than `columns`, but for words that are. */
export function wrapHelp(text: string, columns: number): string {
  const lines = text.split("\n").map((line) => line.trimEnd());
  return lines.map((line) => (visibleLength(line) <= columns ? line : wrapLine(line, columns))).join("\n");
}

function wrapLine(line: string, columns: number): string {
  const name = columnGap.exec(line)?.[1];
  if (name === undefined) return wrapWords(line.trimStart(), columns, leadingSpaces(line)).join("\n");
  const start = visibleLength(name) + 4;
  const description = line.slice(name.length + 4);
  if (columns - start >= leastDescription) {
    const [first = "", ...others] = wrapWords(description, columns, start);
    return [`${name}    ${first.trimStart()}`, ...others].join("\n");
  }
  const below = wrapWords(description, columns, belowNameIndent);
  return [`${" ".repeat(nameIndent)}${name.trimStart()}`, ...below].join("\n");
}

/** Lines that begin with so many spaces. */
function wrapWords(text: string, columns: number, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent + visibleLength(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].map((one) => " ".repeat(indent) + one);
}

function leadingSpaces(line: string): number {
  return line.length - line.trimStart().length;
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
