import {
  checkGameDay,
  compileModel,
  ModelError,
  type ModelIssue,
  type Objective,
  type Prices,
  parseObjective,
  parseSweep,
  planOfGameDay,
  readGameDay,
  readPrices,
} from "@weft/simulator";
import {
  type Affordable,
  applySetting,
  askBoundary,
  askCapacity,
  askChaos,
  askComparison,
  askExplanation,
  askPrediction,
  askRun,
  askSweep,
  cheaperPlan,
  eventsOfStudy,
  explainedVariants,
  likelyLoad,
  type NamedArchitecture,
  StudyError,
  type StudyHost,
  type StudyPlan,
  studyDefaults,
  sweptPoints,
  usualLoads,
} from "@weft/simulator/studies";
import type { Question, StudySpec, StudyTask } from "../domain/studies/study.ts";

/**
 * A study's task as the work to be done: settings applied, texts read, the size known; and refused, with the field it is
 * about, when that cannot be. Used twice, by the thread that checks a new study and by the one that answers it.
 */
export interface PreparedStudy {
  /** Simulated events that it takes, by estimate. */
  readonly events: number;
  readonly ask: (host: StudyHost) => Promise<{ result: object; renderPage?: () => Promise<string> }>;
}

/** A field of the request that cannot be used. */
export class FieldError extends Error {
  override readonly name = "FieldError";
  readonly field: string;

  constructor(field: string, description: string, options: { cause?: unknown } = {}) {
    super(description, options);
    this.field = field;
  }
}

/** The study would take too many events. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** An hour or so on one thread. */
const mostEvents = 1e10;

/** Throws FieldError, TooLargeError, and ModelError for an architecture that cannot be simulated. */
export function prepareStudy({ spec, subject, other }: StudyTask): PreparedStudy {
  const architecture = withSettings(subject.architecture, spec.settings, "settings");
  const base = { name: subject.name, architecture };
  const { question } = spec;
  const plan = planOf(spec);
  switch (question.kind) {
    case "run":
      return prepareRun(base, question, plan);
    case "predict":
      compileModel(architecture, { load: plan.load });
      return prepared([0, plan], async () => askPrediction(base, plan.load));
    case "compare":
      return prepareComparison(base, other, question, plan);
    case "sweep":
      return prepareSweep(base, question, plan);
    case "capacity":
      return prepareCapacity(base, question, spec, plan);
    case "chaos":
      return prepareChaos(base, question, spec);
    case "explain":
      return prepareExplanation(base, question, plan);
  }
}

type QuestionOf<Kind extends Question["kind"]> = Extract<Question, { kind: Kind }>;

function prepareRun(
  base: NamedArchitecture,
  { objectives = [], prices = {} }: QuestionOf<"run">,
  plan: StudyPlan,
): PreparedStudy {
  const options = {
    objectives: objectivesOf(objectives, "run.objectives"),
    prices: pricesOf(prices, [base], "run.prices"),
  };
  return prepared(eventsOf([[base.architecture, plan]]), (host) => askRun(base, plan, options, host));
}

function prepareComparison(
  before: NamedArchitecture,
  other: NamedArchitecture | undefined,
  { settings, objectives, prices }: QuestionOf<"compare">,
  plan: StudyPlan,
): PreparedStudy {
  if (other === undefined && settings.length === 0) {
    throw new FieldError("compare", "there is one version: name another project, or settings that change this one");
  }
  const given = other ?? before;
  const names = [...(other === undefined ? [] : [other.name]), ...settings].join(", ");
  const after = {
    name: names === before.name ? `${names} (second)` : names,
    architecture: withSettings(given.architecture, settings, "compare.settings"),
  };
  const options = {
    objectives: objectivesOf(objectives, "compare.objectives"),
    prices: pricesOf(prices, [before, after], "compare.prices"),
  };
  const sizes = eventsOf([
    [before.architecture, plan],
    [after.architecture, plan],
  ]);
  return prepared(sizes, (host) => askComparison([before, after], plan, options, host));
}

function prepareSweep(
  { name: title, architecture }: NamedArchitecture,
  { vary, objectives, prices }: QuestionOf<"sweep">,
  plan: StudyPlan,
): PreparedStudy {
  const { target, values } = inField("sweep.vary", () => parseSweep(vary));
  const points = inField("sweep.vary", () => sweptPoints(target, values, architecture, plan));
  const options = {
    objectives: objectivesOf(objectives, "sweep.objectives"),
    prices: pricesOf(prices, [{ name: title, architecture }], "sweep.prices"),
  };
  const sizes = eventsOf(points.map((point) => [point.architecture, point.plan]));
  return prepared(sizes, (host) => askSweep({ target, points, title }, options, host));
}

function prepareCapacity(
  base: NamedArchitecture,
  { objectives, relativePrecision, highestLoad = studyDefaults.highestLoad }: QuestionOf<"capacity">,
  spec: StudySpec,
  plan: StudyPlan,
): PreparedStudy {
  const replications = spec.replications ?? studyDefaults.replicationsPerLoad;
  if (replications < fewestPerLoad) {
    throw new FieldError("replications", `must be at least ${fewestPerLoad} in a search for a capacity`);
  }
  if (spec.load !== undefined && spec.load > highestLoad) {
    throw new FieldError("load", `${spec.load} is above the highest load to try, ${highestLoad}`);
  }
  const load = spec.load ?? likelyLoad(base.architecture, highestLoad);
  const search = {
    objectives: objectivesOf(objectives, "capacity.objectives"),
    highestLoad,
    relativePrecision: relativePrecision ?? studyDefaults.relativePrecision,
    assertAffordable: (...at: Sized) => assertAffordable(eventsOf([at])),
  };
  const at = { ...plan, load, replications };
  const [events] = eventsOf([[base.architecture, at]]);
  return prepared([usualLoads * events, at], (host) => askCapacity(base, at, search, host));
}

function prepareExplanation(
  base: NamedArchitecture,
  { objective, prices }: QuestionOf<"explain">,
  plan: StudyPlan,
): PreparedStudy {
  if (plan.replications < 2) throw new FieldError("replications", "must be at least 2: differences are explained");
  const options = { objective, prices };
  const variants = inField("explain.prices", () => explainedVariants(base.architecture, options));
  const [events] = eventsOf([[base.architecture, plan]]);
  return prepared([events * (1 + variants.length), plan], (host) => askExplanation(base, plan, options, host));
}

/** What the request says goes before what the game day says. */
function prepareChaos(
  base: NamedArchitecture,
  { gameDay: given, boundaryLevel: level, relativePrecision = studyDefaults.relativePrecision }: QuestionOf<"chaos">,
  { load, durationSeconds, warmupSeconds, seed, replications }: StudySpec,
): PreparedStudy {
  const over = {
    ...(load === undefined ? {} : { load }),
    ...(durationSeconds === undefined ? {} : { duration: `${durationSeconds}s` }),
    ...(warmupSeconds === undefined ? {} : { warmup: `${warmupSeconds}s` }),
    ...(seed === undefined ? {} : { seed }),
    ...(replications === undefined ? {} : { replications }),
  };
  const field = "chaos.gameDay";
  const gameDay = inField(field, () => readGameDay({ ...given, ...over }));
  inField(field, () => planOfGameDay(gameDay));
  const issues = checkGameDay(gameDay, base.architecture);
  if (issues.length > 0) throw new FieldError(field, sentences(issues));
  // Each run is made with the faults and without.
  const sizeOf = (...[architecture, plan]: Parameters<typeof eventsOfStudy>): [number, Affordable] => [
    2 * eventsOfStudy(architecture, plan),
    plan,
  ];
  const size = sizeOf(base.architecture, gameDay);
  if (level === undefined) return prepared(size, (host) => askChaos(base, gameDay, host));
  const search = {
    level,
    relativePrecision,
    assertAffordable: (...at: Parameters<typeof sizeOf>) => assertAffordable(sizeOf(...at)),
  };
  return prepared(size, (host) => askBoundary(base, gameDay, search, host));
}

/** CapacitySearch begins each load with as many. */
const fewestPerLoad = 10;

type Sized = readonly [architecture: NamedArchitecture["architecture"], plan: StudyPlan];

/** Throws ModelError when one cannot be simulated. */
function eventsOf(studies: readonly Sized[]): [events: number, plan: StudyPlan] {
  const events = studies.reduce((sum, [architecture, plan]) => sum + eventsOfStudy(architecture, plan), 0);
  return [events, (studies[0] as Sized)[1]];
}

function prepared([events, plan]: [number, Affordable], ask: PreparedStudy["ask"]): PreparedStudy {
  assertAffordable([events, plan]);
  return { events, ask };
}

function assertAffordable([events, plan]: [number, Affordable]): void {
  if (events <= mostEvents) return;
  const names = { duration: "the duration", replications: "the replications", load: "the load" };
  throw new TooLargeError(
    `the study would take about ${events.toExponential(1)} events; at most ${mostEvents.toExponential(0)} are allowed: ` +
      cheaperPlan(plan, mostEvents / events, names),
  );
}

function planOf({ question, load, durationSeconds, warmupSeconds, replications, seed }: StudySpec): StudyPlan {
  const precision = question.kind === "run" ? question.precision : undefined;
  const usual = precision === undefined ? studyDefaults.replications : studyDefaults.replicationsForPrecision;
  const plan = {
    seed: seed ?? studyDefaults.seed,
    durationMs: durationSeconds === undefined ? studyDefaults.durationMs : durationSeconds * 1000,
    warmupMs: warmupSeconds === undefined ? undefined : warmupSeconds * 1000,
    load: load ?? studyDefaults.load,
    replications: replications ?? usual,
    precision,
  };
  if (plan.warmupMs !== undefined && plan.warmupMs >= plan.durationMs) {
    throw new FieldError("warmupSeconds", `must be less than the duration, ${plan.durationMs / 1000} s`);
  }
  return plan;
}

function withSettings(
  architecture: NamedArchitecture["architecture"],
  settings: readonly string[],
  field: string,
): NamedArchitecture["architecture"] {
  return settings.reduce<NamedArchitecture["architecture"]>(
    (changed, setting, index) => inField(`${field}[${index}]`, () => applySetting(changed, setting)),
    architecture,
  );
}

function objectivesOf(texts: readonly string[], field: string): Objective[] {
  return texts.map((text, index) => inField(`${field}[${index}]`, () => parseObjective(text)));
}

function pricesOf(
  prices: Readonly<Record<string, number>>,
  versions: readonly NamedArchitecture[],
  field: string,
): Prices | undefined {
  if (Object.keys(prices).length === 0) return undefined;
  return inField(field, () =>
    readPrices(
      prices,
      versions.map(({ architecture }) => architecture),
    ),
  );
}

/** What the simulator refuses in words, as the refusal of a field. */
function inField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StudyError) {
      throw new FieldError(field, error.next === undefined ? error.message : `${error.message}; ${error.next}`, {
        cause: error,
      });
    }
    if (error instanceof ModelError) throw new FieldError(field, sentences(error.issues), { cause: error });
    if (error instanceof RangeError) throw new FieldError(field, error.message, { cause: error });
    throw error;
  }
}

function sentences(issues: readonly ModelIssue[]): string {
  return issues.map(({ message }) => message).join("; ");
}
