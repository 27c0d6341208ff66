/**
 * The queue of mails: the mesh's durable jobs in this service's own database, so a mail that was promised outlives the
 * process, is tried again with growing pauses when the mail server is away, and waits among the dead jobs for a person in
 * the end. Every instance works on it. At least once: a mail may come twice when an instance dies between sending and
 * noting it.
 */
import {
  type Clock,
  createPostgresJobStore,
  type Database,
  ensureJobTables,
  JobScheduler,
  type Logger,
  type Random,
} from "@weft/mesh";
import type { MailQueue } from "../domain/mail-ports.ts";
import type { MailJob } from "../domain/mails.ts";

export interface MailJobsOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface MailJobs extends MailQueue {
  /** Begins to deliver what is queued. */
  start(deliver: (job: MailJob) => Promise<void>): Promise<void>;
  /** Waits for the deliveries under way. */
  close(): Promise<void>;
}

const jobName = "send_mail";
/** Mail servers are slow and few connections to one are enough. */
const concurrency = 2;

export async function createMailJobs({ database, clock, random, logger }: MailJobsOptions): Promise<MailJobs> {
  await ensureJobTables(database);
  const store = createPostgresJobStore(database);
  const scheduler = new JobScheduler({ store, clock, random, logger, concurrency });
  const enqueue = async (job: MailJob): Promise<void> => {
    await scheduler.schedule({ name: jobName, payload: job, runAt: new Date(clock.now()) });
  };
  return {
    enqueue,
    notify: (job) =>
      enqueue(job).catch((error: unknown) =>
        logger.error({ err: error, mail: job.kind }, "a mail could not be queued"),
      ),
    async start(deliver) {
      scheduler.handle(jobName, (payload) => deliver(payload as MailJob));
      await scheduler.start();
    },
    close: () => scheduler.close(),
  };
}
