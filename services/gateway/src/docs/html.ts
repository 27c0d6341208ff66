/*
 * HTML by template: whatever is put into html`…` is escaped, unless it is itself such a template. Markup can therefore not
 * come from the data, wherever in a template the data stands, as long as attributes are quoted.
 */

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | readonly Part[];

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => text + written(parts[i])).join(""));
}

/** Prose of comments: paragraphs, lists of lines that start with a dash, and `code`. */
export function prose(text: string | undefined): Html {
  const blocks = (text ?? "").split(/\n{2,}/).filter((block) => block.trim() !== "");
  return html`${blocks.map((block) => {
    const lines = block.split("\n");
    return lines.every((line) => line.startsWith("- "))
      ? html`<ul>${lines.map((line) => html`<li>${inline(line.slice(2))}</li>`)}</ul>`
      : html`<p>${inline(lines.join(" "))}</p>`;
  })}`;
}

function inline(text: string): Html {
  return html`${text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

function written(part: Part): string {
  if (part === undefined) {
    return "";
  }
  if (part instanceof Html) {
    return part.text;
  }
  if (typeof part === "object") {
    return part.map(written).join("");
  }
  return String(part).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
