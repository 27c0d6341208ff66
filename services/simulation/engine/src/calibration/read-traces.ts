import { isJaegerTrace, readJaegerTrace } from "./jaeger.ts";
import { CalibrationError, field, nameOf } from "./json.ts";
import { isOtlp, readOtlp } from "./otlp.ts";
import type { SpanCollector } from "./spans.ts";

const deepest = 3;

/**
 * Reads a parsed trace file, Jaeger or OTLP as its content says, into the collector. `place` is how errors call it.
 * Throws CalibrationError when it is neither, or when there are too many spans.
 */
export function readTraces(value: unknown, into: SpanCollector, place: string): void {
  readPart(value, into, place, 0);
}

function readPart(value: unknown, into: SpanCollector, place: string, depth: number): void {
  const data = field(value, "data");
  if (isOtlp(value)) readOtlp(value, into);
  else if (isJaegerTrace(value)) readJaegerTrace(value, into);
  else if (Array.isArray(data) && depth < deepest) readPart(data, into, `${place}: data`, depth + 1);
  else if (Array.isArray(value) && depth < deepest) {
    for (const [index, part] of value.entries()) readPart(part, into, `${place}[${index}]`, depth + 1);
  } else
    throw new CalibrationError(
      `${place} is ${nameOf(value)}, and no trace: Jaeger's has data[].spans and processes, OTLP's has resourceSpans`,
    );
}
