/**
 * Replaces `$NAME` and `${NAME…}` in a compose value as compose does when no variable is set: `:-` and `-` give their
 * default, `:+` and `+` nothing, `$$` is a dollar. What has no default becomes empty, and `onMissing` is told its name.
 */
export function interpolateCompose(text: string, onMissing: (name: string) => void): string {
  return text.includes("$") ? interpolate(text, onMissing, 0) : text;
}

/** Defaults may hold further variables; deeper than this the rest stays as it is written. */
const MAX_DEPTH = 10;

function interpolate(text: string, onMissing: (name: string) => void, depth: number): string {
  let result = "";
  let position = 0;
  for (let dollar = text.indexOf("$"); dollar !== -1; dollar = text.indexOf("$", position)) {
    result += text.slice(position, dollar);
    const next = text[dollar + 1];
    if (next === "$") {
      result += "$";
      position = dollar + 2;
    } else if (next === "{") {
      const end = closingBrace(text, dollar + 2);
      const inner = end === -1 ? undefined : parseBraced(text.slice(dollar + 2, end));
      if (inner === undefined || depth >= MAX_DEPTH) {
        result += "${";
        position = dollar + 2;
        continue;
      }
      result += unsetValue(inner, onMissing, depth);
      position = end + 1;
    } else {
      const name = /^[A-Za-z_]\w{0,99}/.exec(text.slice(dollar + 1, dollar + 101))?.[0];
      if (name === undefined) result += "$";
      else onMissing(name);
      position = dollar + 1 + (name?.length ?? 0);
    }
  }
  return result + text.slice(position);
}

interface Braced {
  name: string;
  operator: string;
  operand: string;
}

function parseBraced(inner: string): Braced | undefined {
  const match = /^([A-Za-z_]\w{0,99})(?:(:?[-?+])([\s\S]*))?$/.exec(inner);
  return match === null ? undefined : { name: match[1] as string, operator: match[2] ?? "", operand: match[3] ?? "" };
}

function unsetValue({ name, operator, operand }: Braced, onMissing: (name: string) => void, depth: number): string {
  if (operator.endsWith("-")) return interpolate(operand, onMissing, depth + 1);
  if (!operator.endsWith("+")) onMissing(name);
  return "";
}

/** Braces of nested defaults are balanced; a long text without its closing brace is searched only so far. */
function closingBrace(text: string, start: number): number {
  let open = 1;
  const limit = Math.min(text.length, start + 2000);
  for (let index = start; index < limit; index++) {
    if (text[index] === "{" && text[index - 1] === "$") open++;
    else if (text[index] === "}" && --open === 0) return index;
  }
  return -1;
}
