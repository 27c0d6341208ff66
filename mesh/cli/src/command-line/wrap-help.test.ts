import { stripVTControlCharacters } from "node:util";
import { renderUsage } from "citty";
import { describe, expect, test } from "vitest";
import { simCommand } from "../sim/sim-command.ts";
import { wrapHelp } from "./wrap-help.ts";

const widthsOf = (text: string) =>
  stripVTControlCharacters(text)
    .split("\n")
    .map((line) => line.length);

describe("wrapHelp", () => {
  test("goes on below the description", () => {
    const text =
      "Greets (say)\n\n    --name=<who>    Who is greeted, by name and with all titles\n         --loud    Louder";
    expect(wrapHelp(text, 48)).toBe(
      [
        "Greets (say)",
        "",
        "    --name=<who>    Who is greeted, by name and",
        "                    with all titles",
        "         --loud    Louder",
      ].join("\n"),
    );
  });

  test("goes on below the name where little room is beside it", () => {
    expect(wrapHelp("    --name=<who>    Who is greeted, by name", 40)).toBe(
      "  --name=<who>\n      Who is greeted, by name",
    );
  });

  test("takes escape codes for nothing, and keeps them", () => {
    const [dim, end] = ["\u001b[90m", "\u001b[39m"];
    expect(wrapHelp(`${dim}one two three${end}`, 7)).toBe(`${dim}one two\nthree${end}`);
    expect(wrapHelp(`${dim}one two${end}`, 7)).toBe(`${dim}one two${end}`);
  });

  test("leaves a word whole that is wider than the terminal", () => {
    expect(wrapHelp("an incomprehensibility of words", 10)).toBe("an\nincomprehensibility\nof words");
  });

  // biome-ignore lint/suspicious/noExplicitAny: commands differ in their arguments; citty's own type for a mixed table.
  const commands = Object.entries({ sim: simCommand, ...(simCommand.subCommands as Record<string, any>) });

  test.each(commands)("fits the help of %s into 80 columns without losing a word", async (_, command) => {
    const help = await renderUsage(command);
    const wrapped = wrapHelp(help, 80);
    expect(Math.max(...widthsOf(help))).toBeGreaterThan(80);
    expect(Math.max(...widthsOf(wrapped))).toBeLessThanOrEqual(80);
    expect(wrapped.split(/\s+/)).toEqual(help.split(/\s+/));
  });
});
