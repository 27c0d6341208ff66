import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MakeCertificatesOptions, makeCertificates } from "../src/certs/make-certificates.ts";
import { type FakeService, FakeWorkspace, freeBasePort } from "./fake-workspace.ts";

const day = 86_400_000;
const nowMs = Date.UTC(2026, 5, 1);
let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "weft-certs-")), "certs");
});
afterEach(async () => {
  await rm(join(directory, ".."), { recursive: true, force: true });
});

const make = (change: Partial<MakeCertificatesOptions> = {}) =>
  makeCertificates({ directory, services: ["auth-service"], nowMs, ...change });
const file = (name: string) => readFile(join(directory, name), "utf8");
const certificate = async (name = "auth-service.pem") => new X509Certificate(await file(name));
const outcomes = async (change: Partial<MakeCertificatesOptions> = {}) =>
  (await make(change)).certificates.map(({ outcome, reason }) => reason ?? outcome);

describe("what it makes", () => {
  test("is an authority and a certificate per service, for their owner alone, and nothing else", async () => {
    expect(await outcomes({ services: ["auth-service", "user-service"] })).toEqual(["created", "created"]);
    const names = (await readdir(directory)).sort();
    expect(names).toEqual([
      ...["auth-service.key", "auth-service.pem", "ca.key", "ca.pem", "user-service.key", "user-service.pem"],
    ]);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const name of names) {
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    }
  });

  test("names the service, the trust domain and the hosts, and holds for the time that was asked for", async () => {
    const made = await make({ trustDomain: "shop.example", hosts: ["10.0.0.7", "FD00::07"], lifetimeMs: 2 * day });
    const { subjectAltName, validToDate } = await certificate();
    expect(subjectAltName).toContain("URI:spiffe://shop.example/service/auth-service");
    expect(subjectAltName).toContain(
      "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:auth-service",
    );
    expect(subjectAltName).toContain("IP Address:10.0.0.7, IP Address:FD00:0:0:0:0:0:0:7");
    expect(validToDate.getTime()).toBe(nowMs + 2 * day);
    expect(made.authority.expiresAtMs).toBe(nowMs + 365 * day);
  });

  test("is accepted by TLS on both ends", async () => {
    await make({ services: ["auth-service", "user-service"], nowMs: Date.now() });
    const [ca, cert, key] = await Promise.all([file("ca.pem"), file("auth-service.pem"), file("auth-service.key")]);
    const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (socket) => {
      socket.end(String(socket.getPeerX509Certificate()?.subject));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect({
      ...{ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ca },
      ...{ cert: await file("user-service.pem"), key: await file("user-service.key") },
    });
    expect(String(await once(socket, "data"))).toBe("CN=user-service");
    expect(socket.authorized).toBe(true);
    server.close();
    socket.destroy();
  });
});

describe("run again", () => {
  test("it changes nothing that is good", async () => {
    await make();
    const before = await Promise.all([
      file("ca.pem"),
      file("ca.key"),
      file("auth-service.pem"),
      file("auth-service.key"),
    ]);
    expect(await outcomes({ nowMs: nowMs + 4 * day })).toEqual(["kept"]);
    const after = await Promise.all([
      file("ca.pem"),
      file("ca.key"),
      file("auth-service.pem"),
      file("auth-service.key"),
    ]);
    expect(after).toEqual(before);
  });

  test("it renews what is near its end with the same key, which is one change for those who watch", async () => {
    await make();
    const key = await file("auth-service.key");
    const { serialNumber } = await certificate();
    expect(await outcomes({ nowMs: nowMs + 5 * day })).toEqual(["it was about to expire"]);
    expect(await file("auth-service.key")).toBe(key);
    expect((await certificate()).serialNumber).not.toBe(serialNumber);
    expect((await certificate()).validToDate.getTime()).toBe(nowMs + 12 * day);
  });

  test("it makes new keys when that is asked for, with the same authority", async () => {
    await make();
    const [ca, key] = await Promise.all([file("ca.pem"), file("auth-service.key")]);
    expect(await outcomes({ renew: true })).toEqual(["asked for"]);
    expect(await file("ca.pem")).toBe(ca);
    expect(await file("auth-service.key")).not.toBe(key);
  });

  test("it adds hosts, and keeps them when they are not named again", async () => {
    await make();
    expect(await outcomes({ hosts: ["auth.internal"] })).toEqual(["it did not name auth.internal"]);
    expect(await outcomes()).toEqual(["kept"]);
    await make({ renew: true });
    expect((await certificate()).subjectAltName).toContain("DNS:auth.internal");
  });

  test.each([
    ["a certificate that was damaged", "auth-service.pem", "half a file", "created"],
    ["a key that was damaged", "auth-service.key", "half a file", "its key was missing or another"],
  ])("it repairs %s", async (_what, name, text, outcome) => {
    await make();
    await writeFile(join(directory, name), text);
    expect(await outcomes()).toEqual([outcome]);
    expect((await certificate()).publicKey).toBeDefined();
    expect(await outcomes()).toEqual(["kept"]);
  });

  test("it replaces an authority that would not outlive its certificates, and goes on trusting the old one", async () => {
    await make();
    const old = await certificate("ca.pem");
    const later = nowMs + 360 * day;
    const made = await make({ nowMs: later });
    expect(made.authority.outcome).toBe("replaced");
    expect(made.certificates.map(({ reason }) => reason)).toEqual(["another authority had signed it"]);
    const trusted = (await file("ca.pem")).split(/(?=-----BEGIN)/).map((pem) => new X509Certificate(pem));
    expect(trusted).toHaveLength(2);
    expect((await certificate()).verify((trusted[0] as X509Certificate).publicKey)).toBe(true);
    expect(trusted[1]?.raw).toEqual(old.raw);
    await make({ nowMs: later + 10 * day });
    expect((await file("ca.pem")).match(/BEGIN/g)).toHaveLength(1);
  });

  test("it restores the list of authorities from the one that signs", async () => {
    await make();
    const ca = await file("ca.pem");
    await rm(join(directory, "ca.pem"));
    expect(await outcomes()).toEqual(["kept"]);
    expect(await file("ca.pem")).toBe(ca);
  });
});

describe("it refuses", () => {
  test("an authority whose key is missing, and one that is not its own", async () => {
    await make();
    const ca = await file("ca.pem");
    await rm(join(directory, "ca.key"));
    await expect(make()).rejects.toThrow(/ca\.pem has no ca\.key beside it/);
    await writeFile(join(directory, "ca.key"), ca);
    await expect(make()).rejects.toThrow(/ca\.key holds no authority that `weft certs` made/);
  });

  test("another trust domain than the folder's, and one that is none", async () => {
    await make();
    await expect(make({ trustDomain: "other.local" })).rejects.toThrow(
      /is of the trust domain weft\.local, not other\.local/,
    );
    await expect(make({ trustDomain: "Shop/1" })).rejects.toThrow(/--trust-domain is "Shop\/1"/);
  });

  test("a folder that is a file, or that others may write to", async () => {
    await make();
    await expect(make({ directory: join(directory, "ca.pem") })).rejects.toThrow(/cannot be made: EEXIST/);
    const shared = join(directory, "shared");
    await mkdir(shared);
    await chmod(shared, 0o777);
    await expect(make({ directory: shared })).rejects.toThrow(/others may write to/);
  });

  test.runIf(existsSync("/proc/self"))("a folder that cannot be made, at once", async () => {
    await expect(make({ directory: "/proc/weft" })).rejects.toThrow("/proc/weft cannot be made: ENOENT");
  });

  test('a service called "ca", and a second process in the same folder', async () => {
    await expect(make({ services: ["ca"] })).rejects.toThrow(/cannot be called "ca"/);
    const both = await Promise.allSettled([make(), make()]);
    const refused = both.filter(({ status }) => status === "rejected");
    expect(String((refused[0] as PromiseRejectedResult).reason)).toMatch(/is making certificates in/);
    expect(refused).toHaveLength(1);
  });
});

describe("the command", () => {
  let space: FakeWorkspace;
  let base: number;
  const services = (from: number): FakeService[] => [
    { name: "front-service", basePort: from },
    { name: "back-service", basePort: from + 20 },
  ];

  beforeAll(async () => {
    base = await freeBasePort();
    space = await FakeWorkspace.create(services(base));
  });
  afterAll(() => space.dispose());

  test("makes certificates for every service of the workspace, and says what next", async () => {
    const { code, stdout, stderr } = await space.run(["certs", "--dir", directory]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/front-service +spiffe:\/\/weft\.local\/service\/front-service +[67] d \d+ h +created/);
    expect(stdout).toMatch(/next: +WEFT_MTLS=on npm start/);
    expect(await readdir(directory)).toContain("back-service.pem");
  });

  test("prints the same as JSON, for the services that were named", async () => {
    const { stdout } = await space.run(["certs", "--only", "back", "--host=10.0.0.7", "--host", "x.test", "--json"], {
      WEFT_CERTS_DIR: directory,
    });
    expect(JSON.parse(stdout)).toMatchObject({
      directory,
      trustDomain: "weft.local",
      authority: { outcome: "created", file: join(directory, "ca.pem") },
      certificates: [
        {
          service: "back-service",
          outcome: "created",
          hosts: ["localhost", "127.0.0.1", "::1", "back-service", "10.0.0.7", "x.test"],
          certFile: join(directory, "back-service.pem"),
        },
      ],
    });
  });

  test.each([
    [["--only", "nobody"], /"nobody" is no service here\nnext: +choose from: front-service, back-service/],
    [["--days", "0"], /--days is "0"; it takes a whole number from 1 to 90/],
    [["--host", "a b"], /--host "a b" is neither a host name nor an address/],
  ])("refuses %j", async (args, complaint) => {
    const { code, stderr } = await space.run(["certs", "--dir", directory, ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(complaint);
  });

  test("is done by `weft up` itself when mTLS is on, and services are told where", async () => {
    const run = space.start(["up", "--only", "front"], { WEFT_MTLS: "on" });
    await run.said(/^ready /m);
    const { env } = (await (await fetch(`http://127.0.0.1:${base + 3}`)).json()) as { env: Record<string, string> };
    expect(env.WEFT_MTLS).toBe("on");
    expect(await readdir(env.WEFT_CERTS_DIR ?? "")).toContain("front-service.pem");
    expect(await run.stop()).toBe(0);
  });

  test("is not done by `weft up` when it is off, or when other certificates are named", async () => {
    for (const variables of [{}, { WEFT_MTLS: "on", WEFT_CERTS_DIR: "/elsewhere" }]) {
      const state = join(directory, "state");
      const run = space.start(["up", "--only", "front"], { WEFT_STATE_DIR: state, ...variables });
      await run.said(/^ready /m);
      expect(await readdir(state)).not.toContain("certs");
      await run.stop();
    }
  });
});
