import { metricNames } from "../diagnostics.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Admission, AdmissionObserver } from "./admission.ts";
import { priorityCount, refusalReasons } from "./ticket-queue.ts";

/**
 * Counts refusals and waits. Refusals come by the ten thousand when it matters, so their series are looked up once, here.
 */
export function admissionObserver(metrics: Metrics): AdmissionObserver {
  const refused = metrics.counter(metricNames.admissionRefused);
  const waits = metrics.histogram(metricNames.admissionWaitSeconds);
  const priorities = Array.from({ length: priorityCount }, (_, priority) => String(priority));
  const refusedBy = priorities.map((priority) =>
    Object.fromEntries(refusalReasons.map((reason) => [reason, refused.labels({ priority, reason })])),
  );
  const waitsBy = priorities.map((priority) => waits.labels({ priority }));
  return {
    refused: (priority, reason) => refusedBy[priority]?.[reason]?.inc(),
    admittedAfter: (priority, waitedMs) => waitsBy[priority]?.observe(waitedMs / 1000),
  };
}

/** Shows limit, calls in flight and queue at each scrape. */
export function showAdmission(admission: Admission, metrics: Metrics): void {
  metrics.gauge(metricNames.admissionLimit, (gauge) => gauge.set(admission.limit));
  metrics.gauge(metricNames.admissionInFlight, (gauge) => gauge.set(admission.inFlight));
  metrics.gauge(metricNames.admissionQueued, (gauge) => gauge.set(admission.queued));
}
