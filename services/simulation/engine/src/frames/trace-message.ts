/**
 * Some requests of a run, from start to end, as JSON for who draws them: each is a list of spans, one for every attempt of
 * every call, with the client's own first. README.md in this folder has the fields.
 */
import type { Model, ModelComponent } from "../model.ts";
import type { Span } from "../request-traces.ts";

const nsPerMs = 1e6;

export function traceMessage(
  { components }: Model,
  requests: readonly (readonly Span[])[],
  { simulationId, simulatedMs }: { readonly simulationId: string; readonly simulatedMs: number },
): string {
  const spanOf = (span: Span) => ({
    component: (components[span.component] as ModelComponent).id,
    parent: span.parent,
    attempt: span.attempt,
    outcome: span.outcome,
    calledMs: ms(span.calledNs),
    sentMs: ms(span.sentNs),
    arrivedMs: ms(span.arrivedNs),
    startedMs: ms(span.startedNs),
    workedMs: ms(span.workedNs),
    finishedMs: ms(span.finishedNs),
    answeredMs: ms(span.answeredNs),
  });
  return JSON.stringify({ simulationId, simulatedMs, requests: requests.map((spans) => spans.map(spanOf)) });
}

/** To the microsecond; null for what never came. */
function ms(timeNs: number): number | null {
  return Number.isNaN(timeNs) ? null : Math.round(timeNs / 1000) / (nsPerMs / 1000);
}
