import { expect, test } from "vitest";
import { Metrics } from "../metrics/metrics.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Admission } from "./admission.ts";
import { admissionObserver, showAdmission } from "./admission-metrics.ts";
import { resolveAdmissionOptions } from "./admission-options.ts";
import type { AdmissionTicket } from "./ticket-queue.ts";

test("a scrape shows limit, calls in flight, queue, refusals by priority and reason, and waits", async () => {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const observer = admissionObserver(metrics);
  const options = resolveAdmissionOptions({ maxInFlight: 1, minLimit: 1, maxQueued: 1 });
  const admission = new Admission(options, { clock, random: seededRandom(1), observer });
  showAdmission(admission, metrics);
  const ticket = (): AdmissionTicket => ({
    priority: 1,
    deadlineMs: Number.POSITIVE_INFINITY,
    ticketNext: undefined,
    ticketPrevious: undefined,
    ticketQueuedAtMs: -1,
    admitted: () => {},
    refused: () => {},
  });
  admission.tryEnter(1, 0);
  admission.enqueue(ticket(), 0);
  admission.enqueue(ticket(), 0);
  admission.leave(1, 0, 20, "ok");
  admission.enqueue(ticket(), 20);
  const { text } = await metrics.render();
  expect(text).toContain("weft_admission_limit 1\n");
  expect(text).toContain("weft_admission_in_flight 1\n");
  expect(text).toContain("weft_admission_queued 1\n");
  expect(text).toContain('weft_admission_refused_total{priority="1",reason="queue_full"} 1\n');
  expect(text).toContain('weft_admission_wait_seconds_sum{priority="1"} 0.02\n');
});
