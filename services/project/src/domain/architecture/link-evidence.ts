import type { DraftLink } from "./assemble-architecture.ts";

/** Where a link was seen, strongest first: a declared dependency says more than a name in a variable or a file. */
const EVIDENCE_STRENGTH = { depends_on: 4, links: 4, environment: 3, command: 2, configuration: 1 } as const;
export type EvidenceKind = keyof typeof EVIDENCE_STRENGTH;

interface Evidence {
  from: string;
  to: string;
  kinds: Set<EvidenceKind>;
  strength: number;
  because: string;
  line: number;
  callsPerRequest: number;
}

/** Gathers what speaks for calls between two components; each pair becomes one link, with its strongest evidence. */
export class LinkEvidence {
  readonly #pairs = new Map<string, Evidence>();

  /** `because` names the place for people; `callsPerRequest` is below 1 when a name stands for several components. */
  add(from: string, to: string, kind: EvidenceKind, because: string, line: number, callsPerRequest = 1): void {
    if (from === to) return;
    const key = `${from}>${to}`;
    const strength = EVIDENCE_STRENGTH[kind];
    const known = this.#pairs.get(key);
    if (known === undefined) {
      this.#pairs.set(key, { from, to, kinds: new Set([kind]), strength, because, line, callsPerRequest });
      return;
    }
    known.kinds.add(kind);
    known.callsPerRequest = Math.max(known.callsPerRequest, callsPerRequest);
    if (strength > known.strength) Object.assign(known, { strength, because, line });
  }

  /** Whether anything says that `from` calls another component. */
  hasCallsFrom(from: string): boolean {
    return [...this.#pairs.values()].some((pair) => pair.from === from);
  }

  /** Pairs for which a declared dependency is all there is. */
  onlyDeclared(): { from: string; to: string; line: number }[] {
    return [...this.#pairs.values()].filter(
      ({ kinds }) => kinds.has("depends_on") && [...kinds].every((kind) => kind === "depends_on"),
    );
  }

  /** In the order in which the pairs were first seen, without those that `declared` has already. */
  links(declared: readonly DraftLink[] = []): DraftLink[] {
    const known = new Set(declared.map(({ link }) => `${link.from}>${link.to}`));
    return [...this.#pairs.entries()]
      .filter(([key]) => !known.has(key))
      .map(([, { from, to, strength, because, line, callsPerRequest }]) => ({
        link: callsPerRequest === 1 ? { from, to } : { from, to, callsPerRequest },
        strength,
        because,
        line,
      }));
  }
}
