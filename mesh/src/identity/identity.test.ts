import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { Metrics } from "../metrics/metrics.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { until } from "../testing/until.ts";
import { createAuthority, issueCertificate } from "./certificates.ts";
import { credentialPaths, type FileAccess } from "./credential-files.ts";
import { ServiceIdentity } from "./identity.ts";

const day = 86_400_000;
const random = seededRandom(5);
const opened: ServiceIdentity[] = [];

afterEach(() => {
  for (const identity of opened.splice(0)) {
    identity.close();
  }
});

/** Files in memory, whose changes are told when the test says so. */
class MemoryAccess implements FileAccess {
  readonly files = new Map<string, string>();
  readonly watched = new Map<string, () => void>();

  async read(path: string): Promise<string> {
    const text = this.files.get(path);
    if (text === undefined) {
      throw Object.assign(new Error(`no file ${path}`), { code: "ENOENT" });
    }
    return text;
  }

  watch(directory: string, onChange: () => void): () => void {
    this.watched.set(directory, onChange);
    return () => void this.watched.delete(directory);
  }
}

async function setUp() {
  const clock = new FakeClock();
  const access = new MemoryAccess();
  const metrics = new Metrics();
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const validity = { notBeforeMs: clock.now() - day, notAfterMs: clock.now() + 7 * day, random };
  const authority = createAuthority({ trustDomain: "weft.local", ...validity });
  const write = (change: { service?: string; notAfterMs?: number } = {}) => {
    const { service = "auth-service", notAfterMs = validity.notAfterMs } = change;
    const id = { trustDomain: "weft.local", service };
    const made = issueCertificate({ authority, id, hosts: [], ...validity, notAfterMs });
    access.files.set("/certs/auth-service.pem", made.certPem);
    access.files.set("/certs/auth-service.key", made.keyPem);
    access.files.set("/certs/ca.pem", authority.certPem);
    return made.certPem;
  };
  const settings = { certsDir: "/certs", certFile: undefined, keyFile: undefined, caFile: undefined };
  const load = async (options: { pollIntervalMs?: number } = {}) => {
    const paths = credentialPaths(settings, "auth-service");
    const identity = await ServiceIdentity.load({
      ...{ service: "auth-service", paths, clock, logger, metrics, access },
      ...options,
    });
    opened.push(identity);
    return identity;
  };
  const said = (text: string) => lines.filter(({ msg }) => String(msg).includes(text));
  const scraped = async () => (await metrics.render()).text;
  return { clock, access, metrics, write, load, said, scraped };
}

describe("loading", () => {
  test("takes the files of the service from the folder", async () => {
    const { write, load, said } = await setUp();
    const cert = write();
    const identity = await load();
    expect(identity.trustDomain).toBe("weft.local");
    expect(identity.serverContext()).toMatchObject({ cert, minVersion: "TLSv1.3" });
    expect(said("mTLS is on")).toMatchObject([{ identity: "spiffe://weft.local/service/auth-service" }]);
  });

  test("fails when a file is missing, naming it and what to do", async () => {
    const { access, write, load } = await setUp();
    write();
    access.files.delete("/certs/auth-service.key");
    await expect(load()).rejects.toThrow(
      "WEFT_MTLS is on, and /certs/auth-service.key does not exist; `weft certs` makes certificates",
    );
  });

  test("fails when the files are not this service's", async () => {
    const { write, load } = await setUp();
    write({ service: "user-service" });
    await expect(load()).rejects.toThrow("is the certificate of user-service");
  });
});

describe("a reload", () => {
  test("follows a notice of the folder once the writing has settled", async () => {
    const { access, clock, write, load, said, scraped } = await setUp();
    write();
    const identity = await load();
    let reloads = 0;
    identity.onReload(() => (reloads += 1));
    const cert = write();
    const notify = access.watched.get("/certs");
    notify?.();
    await clock.advance(50);
    notify?.();
    await clock.advance(99);
    expect(identity.serverContext().cert).not.toBe(cert);
    await clock.advance(1);
    await until("the new set is in use", () => identity.serverContext().cert === cert);
    expect(reloads).toBe(1);
    expect(said("certificates were reloaded")).toHaveLength(1);
    expect(await scraped()).toContain('weft_tls_reloads_total{outcome="ok"} 1');
  });

  test("happens without a notice too, every 30 s", async () => {
    const { clock, write, load } = await setUp();
    write();
    const identity = await load();
    const cert = write();
    await clock.advance(29_999);
    expect(identity.serverContext().cert).not.toBe(cert);
    await clock.advance(1);
    await until("the new set is in use", () => identity.serverContext().cert === cert);
  });

  test("is none when nothing has changed", async () => {
    const { write, load, scraped } = await setUp();
    write();
    const identity = await load();
    let reloads = 0;
    identity.onReload(() => (reloads += 1));
    await identity.reload();
    expect(reloads).toBe(0);
    expect(await scraped()).not.toContain("weft_tls_reloads_total{");
  });

  test("to a bad set is refused, said once, and the old one stays until there is a good one", async () => {
    const { access, write, load, said, scraped } = await setUp();
    const first = write();
    const identity = await load();
    write({ service: "user-service" });
    await identity.reload();
    await identity.reload();
    expect(identity.serverContext().cert).toBe(first);
    expect(said("the old ones stay in use")).toHaveLength(1);
    access.files.delete("/certs/ca.pem");
    await identity.reload();
    expect(said("the old ones stay in use")).toHaveLength(2);
    expect(await scraped()).toContain('weft_tls_reloads_total{outcome="refused"} 2');
    const next = write();
    await identity.reload();
    expect(identity.serverContext().cert).toBe(next);
  });

  test("asked for while one runs sees the files as they are then", async () => {
    const { write, load } = await setUp();
    write();
    const identity = await load();
    const running = identity.reload();
    const cert = write();
    await Promise.all([running, identity.reload()]);
    expect(identity.serverContext().cert).toBe(cert);
  });

  test("does not come after the end", async () => {
    const { access, clock, write, load } = await setUp();
    const first = write();
    const identity = await load();
    const notify = access.watched.get("/certs");
    identity.close();
    write();
    notify?.();
    await clock.advance(60_000);
    await identity.reload();
    expect(identity.serverContext().cert).toBe(first);
    expect([access.watched.size, clock.pendingTimers]).toEqual([0, 0]);
  });
});

describe("a certificate that is not renewed", () => {
  test("is complained about when it is late, and when it has expired", async () => {
    const { clock, write, load, said, scraped } = await setUp();
    write();
    const identity = await load({ pollIntervalMs: day });
    expect(await scraped()).toContain(
      `weft_tls_certificate_expiry_timestamp_seconds ${(clock.now() + 7 * day) / 1000}`,
    );
    await clock.advance(5 * day);
    await identity.reload();
    expect(said("expires soon")).toHaveLength(0);
    await clock.advance(day);
    await identity.reload();
    expect(said("expires soon")).toHaveLength(1);
    await clock.advance(day);
    await identity.reload();
    expect(said("has expired: no new connection will succeed")).toHaveLength(1);
  });
});

test("refused handshakes are counted by reason and logged every ten seconds", async () => {
  const { clock, write, load, said, scraped } = await setUp();
  write();
  const identity = await load();
  for (let handshake = 0; handshake < 3; handshake += 1) {
    identity.refused("CERT_HAS_EXPIRED", "10.0.0.7");
  }
  identity.refused("ERR_SSL_SOMETHING_NEW", undefined);
  await clock.advance(10_000);
  identity.refused("NO_IDENTITY", "10.0.0.7");
  expect(said("a connection was refused")).toMatchObject([
    { reason: "expired", address: "10.0.0.7", suppressed: 0 },
    { reason: "no_identity", suppressed: 3 },
  ]);
  const text = await scraped();
  expect(text).toContain('weft_tls_handshakes_refused_total{reason="expired"} 3');
  expect(text).toContain('weft_tls_handshakes_refused_total{reason="other"} 1');
});
