/**
 * Does something one round at a time: asked for while a round runs, it goes once more afterwards, with what was given last,
 * however often it was asked.
 */
export class Rounds<Input> {
  readonly #run: (input: Input) => Promise<void>;
  #next: { readonly input: Input } | undefined;
  #running = false;

  /** `run` never rejects. */
  constructor(run: (input: Input) => Promise<void>) {
    this.#run = run;
  }

  /** Resolves at once when a round runs already, which another one follows then. */
  async ask(input: Input): Promise<void> {
    this.#next = { input };
    if (this.#running) {
      return;
    }
    this.#running = true;
    while (this.#next !== undefined) {
      const { input }: { readonly input: Input } = this.#next;
      this.#next = undefined;
      await this.#run(input);
    }
    this.#running = false;
  }
}
