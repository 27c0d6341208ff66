/*
 * The terminal while `weft top` has it: another screen, no cursor, lines drawn over the ones before. Whatever opened it must
 * close it, however the program ends; closing twice does no harm.
 */

/** What is needed of standard output. */
export interface ScreenOutput {
  write(text: string): unknown;
}

export class Screen {
  readonly #output: ScreenOutput;
  #open = false;

  constructor(output: ScreenOutput) {
    this.#output = output;
  }

  open(): void {
    if (!this.#open) {
      this.#open = true;
      this.#output.write(`${alternateScreen}${hideCursor}`);
    }
  }

  /** Draws from the top; what was there is overwritten line by line, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    if (this.#open) {
      this.#output.write(`${home}${lines.map((line) => `${line}${clearRestOfLine}`).join("\r\n")}${clearBelow}`);
    }
  }

  close(): void {
    if (this.#open) {
      this.#open = false;
      this.#output.write(`${showCursor}${normalScreen}`);
    }
  }
}

const alternateScreen = "\u001b[?1049h";
const normalScreen = "\u001b[?1049l";
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const home = "\u001b[H";
const clearRestOfLine = "\u001b[K";
const clearBelow = "\u001b[J";
