import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import type { Clock, Timer } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { callerOf, markCaller } from "./caller.ts";
import { clientTlsOptions, minVersion } from "./client-identity.ts";
import { diskAccess, type FileAccess, foldersOf, readCredentialFiles } from "./credential-files.ts";
import { type CredentialPaths, type Credentials, checkCredentials } from "./credentials.ts";
import type { ClientIdentity } from "./dial.ts";
import { LogLimit } from "./log-limit.ts";
import { serviceIdOf, spiffeUri } from "./spiffe.ts";
import { tlsFailure } from "./tls-failure.ts";

/**
 * What a service proves itself with, and how it tells who others are. It exists only while mTLS is on.
 *
 * The files are looked at whenever their folder changes and every 30 s besides (notices get lost, and some file systems send
 * none). A changed set is checked as a whole before it replaces the old one; a bad one is logged and counted, and the old
 * one stays. New connections, in both directions, use the new set; open ones are left alone, so a reload loses no call.
 * Connections do not end when their certificate expires: their age is limited elsewhere.
 *
 * Both ends demand TLS 1.3, a chain to the authorities of `ca`, and one SPIFFE id of the same trust domain. A client also
 * demands the very service that it dials: a compromised service cannot answer in the name of another, whatever the registry
 * says about addresses. Host names are not compared; instances come and go at addresses that no certificate can foresee.
 */
export interface IdentityOptions {
  /** The name in the registry; the certificate must be this service's. */
  readonly service: string;
  readonly paths: CredentialPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Pause between looks at the files; 30 s when absent: a renewal is made days before it is needed. */
  readonly pollIntervalMs?: number;
  /** The disk when absent. */
  readonly access?: FileAccess;
}

const defaultPollIntervalMs = 30_000;
/** A renewal writes several files one after the other; they are read when that has settled. */
const settleMs = 100;
/** Handshakes fail in floods: an old instance, a scanner. */
const handshakeLogIntervalMs = 10_000;
/** With less than this share of its life left, a certificate should have been renewed: issuers do it at a third. */
const lateShare = 0.2;

export class ServiceIdentity implements ClientIdentity {
  readonly #options: IdentityOptions;
  readonly #access: FileAccess;
  readonly #listeners = new Set<() => void>();
  readonly #stopWatching: (() => void)[];
  readonly #handshakeLog = new LogLimit(handshakeLogIntervalMs);
  #credentials: Credentials;
  #clientContext: SecureContext;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #refusal: string | undefined;
  #expiryLogged: "late" | "expired" | undefined;
  #poll: Timer | undefined;
  #settle: Timer | undefined;
  #closed = false;

  /** Reads and checks the files. Throws CONFIG_INVALID naming the file and what to do. */
  static async load(options: IdentityOptions): Promise<ServiceIdentity> {
    return new ServiceIdentity(options, await readCredentials(options));
  }

  private constructor(options: IdentityOptions, first: Credentials) {
    this.#options = options;
    this.#access = options.access ?? diskAccess;
    this.#credentials = first;
    this.#clientContext = createSecureContext(this.serverContext());
    this.#stopWatching = foldersOf(options.paths).map((folder) => this.#access.watch(folder, () => this.#changed()));
    this.#schedulePoll();
    options.metrics.gauge(metricNames.tlsCertificateExpiry, (gauge) =>
      gauge.set(Math.floor(this.#credentials.validToMs / 1000)),
    );
    const { id, validToMs } = first;
    options.logger.info({ identity: spiffeUri(id), validTo: isoTime(validToMs) }, "mTLS is on");
  }

  get trustDomain(): string {
    return this.#credentials.id.trustDomain;
  }

  /** What a TLS server presents and whom it trusts now; `onReload` tells when to ask again. */
  serverContext(): SecureContextOptions {
    const { cert, key, ca } = this.#credentials.files;
    return { cert, key, ca, minVersion };
  }

  /** For `tls.connect` to an instance of a service, which must prove to be it. */
  clientOptions(peer: string): ConnectionOptions {
    return clientTlsOptions(this.#credentials, this.#clientContext, peer);
  }

  /** The service at the other end of an accepted connection; undefined when its certificate is not one of ours. */
  peerIdentity(socket: TLSSocket): string | undefined {
    const known = callerOf(socket);
    if (known !== undefined || !socket.authorized) {
      return known;
    }
    const id = serviceIdOf(socket.getPeerX509Certificate()?.subjectAltName);
    if (id === undefined || id.trustDomain !== this.trustDomain) {
      return undefined;
    }
    markCaller(socket, id.service);
    return id.service;
  }

  /** Calls back when there are new credentials. Returns how to stop. */
  onReload(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Counts a handshake that was refused, and logs it unless that has just been done. */
  refused(code: string | undefined, address: string | undefined): void {
    const { clock, logger, metrics } = this.#options;
    const { reason, message } = code === "NO_IDENTITY" ? noIdentity : tlsFailure(code, "server");
    metrics.counter(metricNames.tlsHandshakesRefused).inc({ reason });
    const suppressed = this.#handshakeLog.take(clock.monotonicMs());
    if (suppressed !== undefined) {
      logger.warn({ reason, code, address, suppressed }, `a connection was refused: ${message}`);
    }
  }

  /** Looks at the files now; resolves when what they hold is in use or has been refused. Never rejects. */
  reload(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    this.#closed = true;
    this.#poll?.cancel();
    this.#settle?.cancel();
    for (const stop of this.#stopWatching) {
      stop();
    }
    this.#listeners.clear();
  }

  async #read(): Promise<void> {
    do {
      this.#readAgain = false;
      try {
        this.#use(await readCredentials(this.#options));
      } catch (error) {
        this.#refuse(error);
      }
    } while (this.#readAgain && !this.#closed);
    this.#watchExpiry();
  }

  #use(next: Credentials): void {
    this.#refusal = undefined;
    const { cert, key, ca } = this.#credentials.files;
    if (this.#closed || (cert === next.files.cert && key === next.files.key && ca === next.files.ca)) {
      return;
    }
    const context = createSecureContext({ ...next.files, minVersion });
    this.#credentials = next;
    this.#clientContext = context;
    this.#expiryLogged = undefined;
    const { logger, metrics } = this.#options;
    metrics.counter(metricNames.tlsReloads).inc({ outcome: "ok" });
    logger.info({ validTo: isoTime(next.validToMs) }, "certificates were reloaded");
    for (const listener of this.#listeners) {
      listener();
    }
  }

  /** The same complaint is made once, not at every look. */
  #refuse(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#closed || message === this.#refusal) {
      return;
    }
    this.#refusal = message;
    const { logger, metrics } = this.#options;
    metrics.counter(metricNames.tlsReloads).inc({ outcome: "refused" });
    logger.error({ err: error }, "new certificates are not usable; the old ones stay in use");
  }

  #watchExpiry(): void {
    const { clock, logger } = this.#options;
    const { validFromMs, validToMs } = this.#credentials;
    const leftMs = validToMs - clock.now();
    const state = leftMs <= 0 ? "expired" : leftMs < (validToMs - validFromMs) * lateShare ? "late" : undefined;
    if (state === undefined || state === this.#expiryLogged) {
      return;
    }
    this.#expiryLogged = state;
    const fields = { validTo: isoTime(validToMs), file: this.#options.paths.cert };
    if (state === "expired") {
      logger.error(fields, "this service's certificate has expired: no new connection will succeed; renew it");
    } else {
      logger.warn(fields, "this service's certificate expires soon and has not been renewed");
    }
  }

  #changed(): void {
    if (!this.#closed) {
      this.#settle?.cancel();
      this.#settle = this.#options.clock.setTimer(() => void this.reload(), settleMs);
    }
  }

  #schedulePoll(): void {
    const { clock, pollIntervalMs = defaultPollIntervalMs } = this.#options;
    this.#poll = clock.setTimer(() => {
      void this.reload();
      this.#schedulePoll();
    }, pollIntervalMs);
  }
}

const noIdentity = { reason: "no_identity", message: "the caller's certificate names no service of this trust domain" };

async function readCredentials({ paths, access, service, clock }: IdentityOptions): Promise<Credentials> {
  return checkCredentials(await readCredentialFiles(paths, access ?? diskAccess), paths, service, clock.now());
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
