import type { PartialComponent } from "./architecture.ts";
import { COMPONENT_DEFAULTS } from "./architecture-defaults.ts";
import type { DraftLink } from "./assemble-architecture.ts";
import { ROLE_LABEL, type RoleFacts } from "./component-role.ts";
import type { Findings } from "./import-result.ts";

/**
 * Turns the link between a worker and its broker round. A file says that a worker connects to its broker; in a model
 * calls follow the work, and the broker delivers messages to the worker.
 *
 * A worker is a service that connects to a broker, when its label says so; or, if nobody calls it and nothing in the file says
 * that it can be called (people keep their proxies in other files), when
 * - a word of its name, image, labels or command does ("worker", "consumer", …), or
 * - others send to the broker, and it connects to a database as well: it carries something from the one to the other, or
 * - others send to the broker, which is one by its product (not a store such as Redis, which is more often a cache): it has no
 *   other way to get work.
 * What says of itself that it sends, or only looks on ("producer", "exporter", …), is none, whatever it connects to. Of several
 * brokers the one that others send to is its own, before one that is a broker by product, before the first.
 *
 * A store that is its broker becomes a queue: it answers whoever sends and then delivers. The worker waits for no
 * answer's deadline and has the broker's room for a backlog, so that overload shows as a backlog instead of as errors.
 */
const WORKER_WORD =
  /(?<![\w-])(?:[a-z0-9]+[-_])*(?:workers?|consume|consumers?|processors?|queues?|subscribers?|listeners?|background|sidekiq|celery|resque|rq)(?:[-_:][a-z0-9]+)*(?![\w-]|\.uvicorn)/;
const SENDER_NAME =
  /(?:^|[-_.])(?:producer|publisher|scheduler|beat|cron|exporter|generator|monitor|dashboard|console|admin|ui|flower|registry|connect|debezium|manager|commander)(?:$|[-_.])/;
/** Not as an option: a worker may be started with --beat. */
const SENDER_COMMAND = /(?:^|[\s/])(?:producer|publisher|scheduler|beat|cron|flower)(?=$|[\s.:])/;
/** Brokers that others run. */
const BROKER_HOST =
  /^sqs[.-]|\.sqs\.|\.mq\.[a-z0-9-]+\.amazonaws\.|\.kafka\.[a-z0-9-]+\.amazonaws\.|\.servicebus\.windows\.net$|^pubsub\.googleapis\.com$|\.confluent\.cloud$|\.cloudamqp\.com$/;
/** Stores with lists or streams. One that its name calls a cache is not taken for a broker without a label. */
const BROKER_STORE = /(?:^|[\s/_.-])(?:redis|valkey|keydb|dragonfly|garnet)/;
const CACHE_NAME = /cache|session/;
const BROKER_ROOM = COMPONENT_DEFAULTS.queue.queueCapacity;

interface Consumer {
  fact: RoleFacts;
  link: DraftLink;
  because: string;
}

/** Components and links with every worker behind its broker; each is a WARNING finding that says how to overrule it. */
export function putWorkersBehindBrokers(
  facts: readonly RoleFacts[],
  components: readonly PartialComponent[],
  links: readonly DraftLink[],
  findings: Findings,
): { components: PartialComponent[]; links: DraftLink[] } {
  const byId = new Map(components.map((component) => [component.id, component]));
  const callers = Map.groupBy(links, ({ link }) => link.to);
  const callees = Map.groupBy(links, ({ link }) => link.from);
  const consumers = facts.flatMap((fact) => {
    const own = callees.get(fact.component.id) ?? [];
    const isCalled = callers.has(fact.component.id);
    const brokers = own.flatMap((link): BrokerLink[] => {
      const broker = byId.get(link.link.to);
      const hasSenders = (callers.get(link.link.to)?.length ?? 0) > 1;
      return broker !== undefined && isBroker(broker, fact.role === "worker") ? [{ link, broker, hasSenders }] : [];
    });
    const hasDatabase = own.some(({ link }) => byId.get(link.to)?.kind === "database");
    return consumerOf(fact, { isCalled, brokers, hasDatabase }, findings) ?? [];
  });
  const byLink = new Map(consumers.map((consumer) => [consumer.link, consumer]));
  const byBroker = Map.groupBy(consumers, ({ link }) => link.link.to);
  const workers = new Set(consumers.map(({ fact }) => fact.component.id));
  for (const [broker, ofBroker] of byBroker) {
    const { kind = "service" } = byId.get(broker) ?? {};
    for (const { fact, link, because } of ofBroker) {
      const { id } = fact.component;
      const asQueue = kind === "queue" ? broker : `${broker} is modelled as a queue (not a ${kind}), which`;
      findings.warning(
        `${id} is taken for a worker (${because}): ${asQueue} delivers messages to it; ` +
          `the label ${ROLE_LABEL}: service on ${id} makes it call ${broker} instead`,
        link.line,
      );
    }
    if (ofBroker.length > 1) {
      const names = ofBroker.map(({ fact }) => fact.component.id).join(", ");
      findings.info(
        `every message of ${broker} goes to each of ${names}; callsPerRequest of these links makes it a share`,
      );
    }
  }
  return {
    components: components.map((component) => {
      if (byBroker.has(component.id)) return { ...component, kind: "queue" };
      return workers.has(component.id) ? { queueCapacity: BROKER_ROOM, ...component } : component;
    }),
    links: links.map((draft) => {
      const consumer = byLink.get(draft);
      return consumer === undefined ? draft : turned(consumer);
    }),
  };
}

function turned({ link, because }: Consumer): DraftLink {
  const { from, to, callsPerRequest } = link.link;
  const share = callsPerRequest === undefined ? {} : { callsPerRequest };
  return { ...link, link: { from: to, to: from, timeoutMs: 0, ...share }, because: `${link.because}, ${because}` };
}

interface BrokerLink {
  link: DraftLink;
  broker: PartialComponent;
  /** Whether somebody else calls the broker as well. */
  hasSenders: boolean;
}

interface Surroundings {
  isCalled: boolean;
  brokers: readonly BrokerLink[];
  hasDatabase: boolean;
}

function consumerOf(
  fact: RoleFacts,
  { isCalled, brokers, hasDatabase }: Surroundings,
  findings: Findings,
): Consumer | undefined {
  const { component, role, isReachable, line } = fact;
  if (component.kind !== "service" || (role !== undefined && role !== "worker")) return undefined;
  if (role === undefined && (isReachable || isCalled)) return undefined;
  const rank = ({ broker, hasSenders }: BrokerLink) => (hasSenders ? 0 : 2) + (broker.kind === "queue" ? 0 : 1);
  const [own] = brokers.toSorted((a, b) => rank(a) - rank(b));
  if (own === undefined) {
    if (role === undefined) return undefined;
    findings.error(`${ROLE_LABEL} of ${component.id} is worker, but it connects to no broker; it is ignored`, line);
    return undefined;
  }
  const because = role === undefined ? reasonOf(fact, own, hasDatabase) : `${ROLE_LABEL} says so`;
  return because === undefined ? undefined : { fact, link: own.link, because };
}

function isBroker({ id, kind, image = "" }: PartialComponent, isLabelled: boolean): boolean {
  if (kind === "queue") return true;
  if (kind === "cache") return BROKER_STORE.test(`${image} ${id}`) && (isLabelled || !CACHE_NAME.test(id));
  return kind === "external" && BROKER_HOST.test(id);
}

function reasonOf(
  { component, labels, commands }: RoleFacts,
  { broker, hasSenders }: BrokerLink,
  hasDatabase: boolean,
): string | undefined {
  const { id, image = "" } = component;
  if (SENDER_NAME.test(id) || commands.some((text) => SENDER_COMMAND.test(scanned(text)))) return undefined;
  const places: [string, readonly string[]][] = [
    ["its name", [id]],
    ["its image", [imageName(image)]],
    ["its labels", labels],
    ["its command", commands],
  ];
  const [place] = places.find(([, texts]) => texts.some((text) => WORKER_WORD.test(scanned(text)))) ?? [];
  const idle = "nobody calls it and it is not published";
  if (place !== undefined) return `by ${place}; ${idle}`;
  if (!hasSenders) return undefined;
  if (hasDatabase) return `it connects to a broker and a database; ${idle}`;
  return broker.kind === "queue" ? `it connects to a broker; ${idle}` : undefined;
}

/** Enough of a text to find its words in; a command can be a whole script. */
function scanned(text: string): string {
  return text.slice(0, 2000).toLowerCase();
}

/** The last part of an image's path, without its tag. */
function imageName(image: string): string {
  return (image.split("@")[0]?.split("/").at(-1) ?? "").split(":")[0] ?? "";
}
