import type { PartialComponent } from "./architecture.ts";
import type { ComponentIds } from "./component-ids.ts";
import { findHostsInText, findHostsInValue, type HostMention, namesOtherThing } from "./find-references.ts";
import type { Findings } from "./import-result.ts";
import type { EvidenceKind, LinkEvidence } from "./link-evidence.ts";

/** A piece of a component's configuration: a variable when it has a key, else free text. */
export interface ConfigurationText {
  component: string;
  key?: string;
  text: string;
  line: number;
  /** For findings: "environment DB_HOST", "command". */
  where: string;
  kind: EvidenceKind;
}

/** What a host stands for, each with its share of the calls (adding up to 1); undefined when the file has no such host. */
export type ResolveHost = (host: string, from: string) => readonly { id: string; share: number }[] | undefined;

/**
 * All text that one import scans, three times the largest file: text shared by many services is scanned for each. A
 * value costs something however short it is.
 */
const MAX_SCANNED_CHARS = 3_000_000;
const CHARS_PER_VALUE = 100;

/**
 * Turns hosts named in configuration into evidence of calls. A host outside the file becomes an external component when
 * its variable speaks of a host to call; when the variable holds the component's own public address, or something else,
 * the host is only mentioned in a finding. Values are never repeated in findings: they may be secrets.
 */
export class ReferenceLinker {
  readonly externals: PartialComponent[] = [];
  readonly #externalIds = new Map<string, string>();
  #scannedChars = 0;
  readonly #resolve: ResolveHost;
  readonly #evidence: LinkEvidence;
  readonly #ids: ComponentIds;
  readonly #findings: Findings;

  constructor(resolve: ResolveHost, evidence: LinkEvidence, ids: ComponentIds, findings: Findings) {
    this.#resolve = resolve;
    this.#evidence = evidence;
    this.#ids = ids;
    this.#findings = findings;
  }

  /** Follows every host in the text; `mentions` saves finding them again for text that several components share. */
  link(source: ConfigurationText, mentions?: readonly HostMention[]): void {
    for (const mention of mentions ?? this.#scan(source)) this.#follow(source, mention);
  }

  /** The external component for a host, made on first use. */
  external(host: string, line: number, why: string): string {
    const known = this.#externalIds.get(host);
    if (known !== undefined) return known;
    const name = clusterServiceName(host) ?? host;
    const id = this.#ids.claim(name, line);
    this.#externalIds.set(host, id);
    this.externals.push({ id, kind: "external", name: name.slice(0, 100) });
    this.#findings.warning(
      `${why} names "${host.slice(0, 100)}", which is not in the file: an external component`,
      line,
    );
    return id;
  }

  #scan({ key, text, component, line }: ConfigurationText): HostMention[] {
    this.#scannedChars += CHARS_PER_VALUE + text.length;
    if (this.#scannedChars > MAX_SCANNED_CHARS) {
      this.#findings.warning(
        `there is too much configuration text; references from ${component} on are not read`,
        line,
      );
      return [];
    }
    return key === undefined ? findHostsInText(text) : findHostsInValue(key, text);
  }

  #follow(source: ConfigurationText, mention: HostMention): void {
    const { component, key, line, where, kind } = source;
    const targets = this.#resolve(mention.host, component);
    if (targets !== undefined) {
      if (targets.every(({ id }) => id === component)) return;
      if (mention.form === "word" && key !== undefined && namesOtherThing(key)) {
        const names = targets.map(({ id }) => id).join(", ");
        this.#findings.info(`${where} of ${component} holds the word "${names}"; it is not read as a reference`, line);
        return;
      }
      for (const { id, share } of targets) this.#evidence.add(component, id, kind, where, line, share);
      return;
    }
    if (key === undefined || isLocal(mention.host)) return;
    if (this.#meansExternal(key, mention)) {
      const id = this.external(mention.host, line, `${where} of ${component}`);
      this.#evidence.add(component, id, kind, where, line);
    } else if (mention.form === "address" && /[a-z]/.test(mention.host)) {
      this.#findings.info(
        `${where} of ${component} mentions "${mention.host.slice(0, 100)}", outside the file; add an external component if it is called`,
        line,
      );
    }
  }

  #meansExternal(key: string, mention: HostMention): boolean {
    if (!mention.keyNamesHost || mention.keyNamesSelf || !/[a-z]/.test(mention.host)) return false;
    if (mention.form === "address") return true;
    return (
      /(?:hosts?|hostname|addr|address|endpoint|servers?|brokers?|url|uri)$/i.test(key) &&
      !/^(?:true|false|none|null|yes|no|on|off|auto|any|all|default|disabled|enabled|unset)$/.test(mention.host)
    );
  }
}

/** The component's own machine, or the one below it. */
function isLocal(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "0.0.0.0" || host.startsWith("127.");
}

function clusterServiceName(host: string): string | undefined {
  return /^([a-z0-9-]{1,63})\.[a-z0-9-]{1,63}\.svc(?:\.|$)/.exec(host)?.[1];
}
