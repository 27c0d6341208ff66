const escapeForRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/**
 * The regular expression of a Redis glob: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[^a]` sets, `\` escapes
 * the next character. A `[` that is never closed takes the rest as its set, as Redis does.
 */
export function regExpFromGlob(glob: string): RegExp {
  let source = "";
  for (let at = 0; at < glob.length; at++) {
    const char = glob.charAt(at);
    if (char === "*") source += ".*";
    else if (char === "?") source += ".";
    else if (char === "\\" && at + 1 < glob.length) source += escapeForRegExp(glob.charAt(++at));
    else if (char === "[") {
      const closing = glob.indexOf("]", at + 1);
      const end = closing === -1 ? glob.length : closing;
      source += setFromGlob(glob.slice(at + 1, end));
      at = end;
    } else source += escapeForRegExp(char);
  }
  return new RegExp(`^${source}$`, "s");
}

function setFromGlob(body: string): string {
  const negated = body.startsWith("^");
  const members = (negated ? body.slice(1) : body).replace(/[\\^[\]]/g, "\\$&");
  if (members === "") return negated ? "." : "(?!)";
  return `[${negated ? "^" : ""}${members}]`;
}
