import { context, trace } from "@opentelemetry/api";
import { type DestinationStream, pino } from "pino";
import { currentCall } from "./call-context.ts";

/** The structured logger: `logger.info({ fields }, "message")`, one JSON object per line. */
export type Logger = pino.Logger;

/** Fields that never reach a log, at the top of a line or one level below. */
const redacted = ["authorization", "password", "token", "accessToken", "refreshToken", "apiKey", "secret"];

export interface LoggerOptions {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
  readonly level: string;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/**
 * Makes a service's logger. Every line carries service and instance, and inside a call the correlation id and the trace
 * and span ids, so that the lines of one call are found across services (OBS-11).
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service, instance: options.instanceId, version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...redacted, ...redacted.map((name) => `*.${name}`)], censor: "[redacted]" },
      mixin: () => {
        const call = currentCall();
        const span = trace.getSpanContext(context.active());
        return {
          ...(call === undefined ? {} : { correlationId: call.correlationId }),
          ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
        };
      },
    },
    options.destination ?? pino.destination({ dest: 1, sync: false }),
  );
}
