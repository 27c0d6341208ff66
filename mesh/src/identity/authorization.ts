import type { DescService } from "@bufbuild/protobuf";
import { MeshError } from "../errors.ts";

/**
 * Who may call which RPC, as a service declares it next to its code:
 *
 *   { "*": ["gateway-service"], "weft.auth.v1.AuthService/ValidateToken": ["*"] }
 *
 * A key is a method, all methods of a protobuf service ("weft.auth.v1.AuthService/*"), or all methods ("*"); the most
 * specific key decides alone, so that one line says everything about a method. Callers are names of services; "*" is every
 * service of the mesh. What no key covers is refused, to everybody. A service that declares nothing may be called by every
 * service of the mesh: who has a certificate belongs to it.
 *
 * `{ "*": ["anyone"] }` is for a service whose callers are not services, such as a gateway: its RPC port takes connections
 * without a certificate. It stands alone, as such a port cannot tell callers apart.
 */
export type CallerPolicy = Readonly<Record<string, readonly string[]>>;

/** The rule of one method. */
export class CallerRule {
  readonly #everyone: boolean;
  readonly #everyService: boolean;
  readonly #names: ReadonlySet<string>;

  constructor(callers: readonly string[]) {
    this.#everyone = callers.includes("anyone");
    this.#everyService = callers.includes("*");
    this.#names = new Set(callers);
  }

  /** Whether a caller may pass; undefined is one without an identity. */
  allows(caller: string | undefined): boolean {
    if (caller === undefined) {
      return this.#everyone;
    }
    return this.#everyService || this.#everyone || this.#names.has(caller);
  }
}

const nobody = new CallerRule([]);
const everyService = ["*"];

export interface AuthorizationOptions {
  /** Every service of the mesh may call everything when absent. */
  readonly policy?: CallerPolicy | undefined;
  /** What the policy is about. */
  readonly services: readonly DescService[];
  /** What the mesh itself serves on the same port (health, reflection, lanes): open to every service of the mesh. */
  readonly ownServices: readonly DescService[];
}

/** Whether a service lets in callers without an identity, so that its RPC port cannot ask for one. */
export function admitsAnyone(policy: CallerPolicy | undefined): boolean {
  return policy?.["*"]?.includes("anyone") ?? false;
}

/** A policy, checked against the services it is about and compiled to one rule per method. Pure. */
export class CallerAuthorization {
  readonly #rules = new Map<string, CallerRule>();

  /** Throws CONFIG_INVALID for a key that names no method, and for callers that are no names. */
  constructor({ policy = { "*": everyService }, services, ownServices }: AuthorizationOptions) {
    assertKeys(policy, services);
    assertCallers(policy);
    for (const service of services) {
      for (const { name } of service.methods) {
        const callers = policy[`${service.typeName}/${name}`] ?? policy[`${service.typeName}/*`] ?? policy["*"] ?? [];
        this.#rules.set(`${service.typeName}/${name}`, new CallerRule(callers));
      }
    }
    const own = new CallerRule(admitsAnyone(policy) ? ["anyone"] : everyService);
    for (const service of ownServices) {
      for (const { name } of service.methods) {
        this.#rules.set(`${service.typeName}/${name}`, own);
      }
    }
  }

  /** The rule of "package.Service/Method", for those who look methods up once. */
  rule(methodPath: string): CallerRule {
    return this.#rules.get(methodPath) ?? nobody;
  }

  allows(methodPath: string, caller: string | undefined): boolean {
    return this.rule(methodPath).allows(caller);
  }
}

function assertKeys(policy: CallerPolicy, services: readonly DescService[]): void {
  const known = new Set(["*"]);
  for (const service of services) {
    known.add(`${service.typeName}/*`);
    for (const { name } of service.methods) {
      known.add(`${service.typeName}/${name}`);
    }
  }
  for (const key of Object.keys(policy)) {
    if (!known.has(key)) {
      const method = key.slice(key.indexOf("/") + 1).toLowerCase();
      const near = [...known].filter((one) => one.toLowerCase().endsWith(`/${method}`));
      const choices = near.length > 0 ? near : services.map(({ typeName }) => `${typeName}/*`);
      throw new MeshError(
        "CONFIG_INVALID",
        `callers: "${key}" is no method that this service serves; known are: ${["*", ...choices].join(", ")}`,
      );
    }
  }
}

function assertCallers(policy: CallerPolicy): void {
  for (const [key, callers] of Object.entries(policy)) {
    const odd = callers.find((caller) => caller !== "*" && !/^[a-z][a-z0-9-]*$/.test(caller));
    if (odd !== undefined) {
      throw new MeshError("CONFIG_INVALID", `callers: "${key}" names "${odd}", which cannot be the name of a service`);
    }
    if (callers.includes("anyone") && (Object.keys(policy).length > 1 || callers.length > 1)) {
      throw new MeshError("CONFIG_INVALID", 'callers: "anyone" stands alone, as { "*": ["anyone"] }');
    }
  }
}
