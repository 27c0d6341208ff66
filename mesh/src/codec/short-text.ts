/**
 * Source of `readShortText(b, p, e)`: the text in b[p, e).
 *
 * `readText` calls into native code, which takes 105 ns however short the text. `String.fromCharCode` with exactly as
 * many arguments as there are characters takes 11 ns for one, 51 for 24 and 80 for the 36 of a UUID; in a loop it would
 * be slower than `readText` from 10 on. That needs a branch per length, which nobody wants to write by hand. Longer
 * texts, and those that are not ASCII, go to `readText`.
 */
const longestShortText = 40;

export const shortTextSource = `(b, p, e) => {
  switch (e - p) {
    case 0: return "";
    ${Array.from({ length: longestShortText }, (_, index) => shortTextCase(index + 1)).join("\n    ")}
    default: return readText(b, p, e);
  }
}`;

function shortTextCase(length: number): string {
  const characters = Array.from({ length }, (_, index) => `c${index}`);
  const loads = characters.map((character, index) => `${character} = b[p + ${index}]`);
  const isAscii = `(${characters.join(" | ")}) < 128`;
  return `case ${length}: {
      const ${loads.join(", ")};
      return ${isAscii} ? String.fromCharCode(${characters.join(", ")}) : readText(b, p, e);
    }`;
}
