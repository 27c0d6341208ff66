interface Definition {
  readonly name: string;
}
type Labels = Readonly<Record<string, string>>;

/** Metrics that a test can read: each is a number by name and labels. */
export class RecordedMetrics {
  readonly #values = new Map<string, number>();
  readonly #totals = new Map<string, () => readonly (readonly [labels: Labels, total: number])[]>();

  /** The value of a metric; of all its labels together when none are given. */
  value(name: string, labels?: Labels): number {
    for (const [of, total] of this.#totals.get(name)?.() ?? []) {
      this.#values.set(key(name, of), total);
    }
    if (labels !== undefined) {
      return this.#values.get(key(name, labels)) ?? 0;
    }
    const own = [...this.#values].filter(([each]) => each.startsWith(`${name}{`));
    return own.reduce((sum, [, value]) => sum + value, 0);
  }

  counter(definition: Definition) {
    return { inc: (labels: Labels = {}) => this.#add(definition, labels, 1) };
  }

  gauge(definition: Definition) {
    return {
      inc: (labels: Labels = {}) => this.#add(definition, labels, 1),
      dec: (labels: Labels = {}) => this.#add(definition, labels, -1),
    };
  }

  totals({ name }: Definition, read: () => readonly (readonly [labels: Labels, total: number])[]): void {
    this.#totals.set(name, read);
  }

  durationRecorder(definition: Definition, labels: Labels) {
    return { record: (_code: number, _durationMs: number) => this.#add(definition, labels, 1) };
  }

  #add({ name }: Definition, labels: Labels, amount: number): void {
    this.#values.set(key(name, labels), this.value(name, labels) + amount);
  }
}

function key(name: string, labels: Labels): string {
  return `${name}${JSON.stringify(Object.fromEntries(Object.entries(labels).sort()))}`;
}
