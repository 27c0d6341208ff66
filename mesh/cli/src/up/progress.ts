import colors from "../command-line/colors.ts";

/**
 * Tells a person how far the start is: one line per finished step, and on a terminal a moving line for what is still
 * waited for. Everything goes to standard error; standard output stays for the one line that scripts wait for.
 */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #waitingFor: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #shown = false;

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
  }

  /** Seconds since the start, with one decimal. */
  get seconds(): string {
    return ((performance.now() - this.#startedAt) / 1000).toFixed(1);
  }

  done(text: string, detail = ""): void {
    this.print(`${colors.green("✓")} ${text}${detail === "" ? "" : ` ${colors.gray(detail)}`}`);
  }

  note(text: string): void {
    this.print(`${colors.yellow("!")} ${text}`);
  }

  /** Names what is being waited for; nothing when empty. */
  waitFor(names: readonly string[]): void {
    this.#waitingFor = names;
    if (names.length > 0 && this.#timer === undefined && this.#out.isTTY) {
      this.#timer = setInterval(() => this.#draw(), 100);
      this.#timer.unref();
    }
    if (names.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#erase();
    }
  }

  /** Prints a line above the moving one. */
  print(line: string): void {
    this.#erase();
    this.#out.write(`${line}\n`);
  }

  #draw(): void {
    const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[this.#frame % 10] ?? "";
    this.#frame += 1;
    const width = (this.#out.columns ?? 80) - 1;
    const text = `${spinner} ${this.seconds} s, waiting for ${this.#waitingFor.join(", ")}`;
    this.#out.write(`\r\x1b[2K${text.slice(0, width)}`);
    this.#shown = true;
  }

  #erase(): void {
    if (this.#shown) {
      this.#out.write("\r\x1b[2K");
      this.#shown = false;
    }
  }
}
