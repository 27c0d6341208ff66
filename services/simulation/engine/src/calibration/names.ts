import { CalibrationError } from "./json.ts";

const maximumComponents = 500;

/**
 * Ids of components for the names that spans use: lower case, without what an id may not hold, and different for different
 * names. A peer that is called like a service is that service.
 */
export class Namer {
  readonly #idOf = new Map<string, string>();
  readonly #services = new Set<string>();
  readonly #nameOf = new Map<string, string>();

  service(name: string): string {
    const id = this.#idOf.get(name) ?? this.unused(name);
    this.#services.add(id);
    return id;
  }

  peer(name: string): { readonly id: string; readonly isService: boolean } {
    const id = this.#idOf.get(name) ?? this.unused(name);
    return { id, isService: this.#services.has(id) };
  }

  /** The name that an id was made for. */
  nameOf(id: string): string {
    return this.#nameOf.get(id) ?? id;
  }

  /** A new id like the name. Throws CalibrationError when there are too many. */
  unused(name: string): string {
    const plain =
      name
        .toLowerCase()
        .replace(/[^a-z0-9._-]+/g, "-")
        .replace(/^[^a-z0-9]+/, "")
        .slice(0, 56) || "service";
    let id = plain;
    for (let number = 2; this.#nameOf.has(id); number++) id = `${plain}-${number}`;
    if (this.#nameOf.size >= maximumComponents) {
      throw new CalibrationError(`more than ${maximumComponents} components; the last one is "${name}"`);
    }
    this.#idOf.set(name, id);
    this.#nameOf.set(id, name);
    return id;
  }
}
