import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Code, type ConnectError, createClient, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { callerOf } from "../src/identity/caller.ts";
import { callerKey, createCallerGate } from "../src/identity/caller-gate.ts";
import { createAuthority, issueCertificate, type KeyedCertificate } from "../src/identity/certificates.ts";
import { credentialPaths } from "../src/identity/credential-files.ts";
import { dialSocket } from "../src/identity/dial.ts";
import { ServiceIdentity } from "../src/identity/identity.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { seededRandom } from "../src/random.ts";
import { createH2cServer, type H2cServer, type H2cServerOptions } from "../src/server/h2c-server.ts";
import { serverListener } from "../src/server/ports.ts";
import { errorReason } from "../src/service-error.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { until } from "../src/testing/until.ts";

/*
 * Two services, each with an identity, on real sockets. The identities' clock stands still at the machine's time, which is
 * what TLS itself goes by.
 */
const hour = 3_600_000;
const nowMs = Date.now();
const random = seededRandom(11);
const validity = { notBeforeMs: nowMs - hour, notAfterMs: nowMs + hour, random };
const authority = createAuthority({ trustDomain: "weft.local", ...validity });
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

interface Holder {
  readonly identity: ServiceIdentity;
  readonly metrics: Metrics;
  /** Replaces its files and loads them. */
  renew(made: KeyedCertificate, ca?: string): Promise<void>;
}

interface Made {
  readonly service?: string;
  readonly trustDomain?: string;
  readonly notAfterMs?: number;
  readonly signer?: KeyedCertificate;
}

function make({ service = "auth-service", trustDomain = "weft.local", signer = authority, ...times }: Made = {}) {
  return issueCertificate({ authority: signer, id: { trustDomain, service }, hosts: [], ...validity, ...times });
}

/** An identity made of certificates in memory; `clockMs` lets it hold one that has expired by now. */
async function holder(
  service: string,
  made = make({ service }),
  { ca = authority.certPem, clockMs = nowMs } = {},
): Promise<Holder> {
  const files = new Map([
    ["cert", made.certPem],
    ["key", made.keyPem],
    ["ca", ca],
  ]);
  const metrics = new Metrics();
  const identity = await ServiceIdentity.load({
    service,
    paths: { cert: "cert", key: "key", ca: "ca" },
    clock: new FakeClock(clockMs),
    logger: pino({ enabled: false }),
    metrics,
    access: { read: async (path) => files.get(path) ?? "", watch: () => () => undefined },
  });
  cleanups.push(() => identity.close());
  return {
    identity,
    metrics,
    renew: async (next, nextCa = ca) => {
      files.set("cert", next.certPem).set("key", next.keyPem).set("ca", nextCa);
      await identity.reload();
    },
  };
}

const whoAsks: RequestListener = (request, response) =>
  response.end(`${request.httpVersion} ${callerOf(request.socket)}`);

async function serve(
  { identity }: Holder,
  handler: RequestListener = whoAsks,
  options: H2cServerOptions = {},
): Promise<{ server: H2cServer; endpoint: string; port: number }> {
  const server = createH2cServer(handler, undefined, { identity, ...options });
  cleanups.push(() => server.destroy());
  const port = await serverListener(server.server).listen(0, "127.0.0.1");
  return { server, port, endpoint: `127.0.0.1:${port}` };
}

/** A session as a connection of the mesh opens it. */
function dial(endpoint: string, as: Holder | undefined, peer = "auth-service"): ClientHttp2Session {
  const { url, options } = dialSocket(endpoint, as === undefined ? undefined : { identity: as.identity, peer });
  const session = connectHttp2(url, options);
  session.on("error", () => undefined);
  cleanups.push(() => session.destroy());
  return session;
}

async function ask(session: ClientHttp2Session): Promise<string> {
  let text = "";
  for await (const chunk of session.request({ ":path": "/" })) {
    text += String(chunk);
  }
  return text;
}

/** How dialling ended: "accepted" once the peer's SETTINGS are there, else why not. */
function outcome(session: ClientHttp2Session): Promise<string> {
  let failure = "closed without an error";
  session.on("error", (error) => {
    failure = error.message;
  });
  return Promise.race([
    once(session, "remoteSettings").then(() => "accepted"),
    new Promise<string>((resolve) => session.once("close", () => resolve(failure))),
  ]);
}

async function refusals({ metrics }: Holder): Promise<Record<string, number>> {
  const { text } = await metrics.render();
  const found = text.matchAll(/weft_tls_handshakes_refused_total\{reason="(\w+)"\} (\d+)/g);
  return Object.fromEntries([...found].map(([, reason, count]) => [reason, Number(count)]));
}

const certificateOf = (session: ClientHttp2Session): string | undefined =>
  (session.socket as unknown as { getPeerCertificate(): { serialNumber?: string } }).getPeerCertificate().serialNumber;

describe("two services with certificates of one authority", () => {
  test("call each other, and the server knows who calls", async () => {
    const { endpoint } = await serve(await holder("auth-service"));
    expect(await ask(dial(endpoint, await holder("gateway-service")))).toBe("2.0 gateway-service");
  });

  test("know each other on the stream as well, where lanes and plain gRPC ask", async () => {
    const callers: (string | undefined)[] = [];
    const { identity } = await holder("auth-service");
    const server = createH2cServer(
      whoAsks,
      (stream) => {
        callers.push(stream.session === undefined ? "no session" : callerOf(stream.session));
        return false;
      },
      { identity },
    );
    cleanups.push(() => server.destroy());
    const port = await serverListener(server.server).listen(0, "127.0.0.1");
    await ask(dial(`127.0.0.1:${port}`, await holder("user-service")));
    expect(callers).toEqual(["user-service"]);
  });

  test("speak HTTP/1.1 on the same port", async () => {
    const { port } = await serve(await holder("auth-service"));
    const { certPem: cert, keyPem: key } = make({ service: "user-service" });
    const request = httpsRequest({
      port,
      host: "127.0.0.1",
      cert,
      key,
      ca: authority.certPem,
      checkServerIdentity: () => undefined,
    });
    request.end();
    const [response] = await once(request, "response");
    response.setEncoding("utf8");
    expect(response.socket.getProtocol()).toBe("TLSv1.3");
    expect(await response.toArray()).toEqual(["1.1 user-service"]);
  });

  test("carry large bodies both ways", async () => {
    const large = "x".repeat(3_000_000);
    const { endpoint } = await serve(await holder("auth-service"), (request, response) => request.pipe(response));
    const stream = dial(endpoint, await holder("user-service")).request({ ":method": "POST", ":path": "/" });
    stream.end(large);
    stream.setEncoding("utf8");
    expect((await stream.toArray()).join("") === large).toBe(true);
  });
});

describe("the server refuses", () => {
  const otherAuthority = createAuthority({ trustDomain: "weft.local", ...validity });

  test("a caller without a certificate, whose session ends with words", async () => {
    const auth = await holder("auth-service");
    const { port } = await serve(auth);
    const { url, options } = dialSocket(`127.0.0.1:${port}`, {
      identity: {
        clientOptions: () => ({ ca: authority.certPem, ALPNProtocols: ["h2"], checkServerIdentity: () => undefined }),
      } as unknown as ServiceIdentity,
      peer: "auth-service",
    });
    const session = connectHttp2(url, options);
    cleanups.push(() => session.destroy());
    expect(await outcome(session)).toBe("the peer wants a certificate, and this process showed none");
    await until("it is counted", async () => (await refusals(auth)).no_certificate === 1);
  });

  test.each<[what: string, made: () => KeyedCertificate, ca: string, reason: string]>([
    [
      "a certificate of another authority",
      () => make({ service: "user-service", signer: otherAuthority }),
      `${otherAuthority.certPem}${authority.certPem}`,
      "unknown_authority",
    ],
    [
      "an expired certificate",
      () => make({ service: "user-service", notAfterMs: nowMs - hour / 2 }),
      authority.certPem,
      "expired",
    ],
    [
      "a certificate of another trust domain",
      () => make({ service: "user-service", trustDomain: "other.local" }),
      authority.certPem,
      "no_identity",
    ],
  ])("%s", async (_what, made, ca, reason) => {
    const auth = await holder("auth-service");
    const { port } = await serve(auth);
    // What the caller itself would check is left out: it is the server that must refuse.
    const { certPem: cert, keyPem: key } = made();
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      cert,
      key,
      ca,
      ALPNProtocols: ["h2"],
      checkServerIdentity: () => undefined,
    });
    cleanups.push(() => socket.destroy());
    socket.on("error", () => undefined);
    socket.resume();
    await once(socket, "close");
    await until("it is counted", async () => (await refusals(auth))[reason] === 1);
  });

  test("plain text, whole garbage, and old versions of TLS, and goes on serving", async () => {
    const auth = await holder("auth-service");
    const { endpoint, port } = await serve(auth);
    for (const text of [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u0016\u0003\u0001 garbage",
    ]) {
      const socket = connectPlain(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.end(text);
      socket.resume();
      await once(socket, "close");
    }
    const old = connectTls({ port, host: "127.0.0.1", maxVersion: "TLSv1.2", rejectUnauthorized: false });
    await expect(once(old, "secureConnect")).rejects.toThrow();
    await until("they are counted", async () => {
      const { not_tls: notTls = 0, version = 0 } = await refusals(auth);
      return notTls >= 2 && version === 1;
    });
    expect(await ask(dial(endpoint, await holder("user-service")))).toBe("2.0 user-service");
  });
});

describe("the caller refuses", () => {
  test("a service that is not the one it dials", async () => {
    const { endpoint } = await serve(await holder("user-service"));
    expect(await outcome(dial(endpoint, await holder("gateway-service"), "auth-service"))).toContain(
      "spiffe://weft.local/service/auth-service was dialled, and spiffe://weft.local/service/user-service answered",
    );
  });

  test("a peer of another authority", async () => {
    const stranger = createAuthority({ trustDomain: "weft.local", ...validity });
    const impostor = await holder("auth-service", make({ signer: stranger }), { ca: stranger.certPem });
    const { endpoint } = await serve(impostor);
    expect(await outcome(dial(endpoint, await holder("gateway-service")))).toBe(
      "the peer's certificate is of an authority that is not trusted here",
    );
  });

  test("a peer whose certificate has expired", async () => {
    const expired = make({ notAfterMs: nowMs - hour / 2 });
    const { endpoint } = await serve(await holder("auth-service", expired, { clockMs: nowMs - hour * 0.75 }));
    expect(await outcome(dial(endpoint, await holder("gateway-service")))).toBe("the peer's certificate has expired");
  });

  test("a peer that speaks plain text", async () => {
    const plain = createH2cServer(whoAsks);
    cleanups.push(() => plain.destroy());
    const port = await serverListener(plain.server).listen(0, "127.0.0.1");
    expect(await outcome(dial(`127.0.0.1:${port}`, await holder("gateway-service")))).toBe(
      "the peer does not speak TLS; is WEFT_MTLS on there?",
    );
  });

  test("a peer that does not speak HTTP/2", async () => {
    const { endpoint } = await serve(await holder("auth-service"), whoAsks, { protocols: ["http/1.1"] });
    expect(await outcome(dial(endpoint, await holder("gateway-service")))).not.toBe("accepted");
  });

  test("a TLS port when it has no identity itself", async () => {
    const { endpoint } = await serve(await holder("auth-service"));
    expect(await outcome(dial(endpoint, undefined))).not.toBe("accepted");
  });
});

describe("a reload", () => {
  test("lets a call in flight end, and gives new connections the new certificates on both sides", async () => {
    const answers: (() => void)[] = [];
    const auth = await holder("auth-service");
    const gateway = await holder("gateway-service");
    const { endpoint } = await serve(auth, (request, response) => {
      response.writeHead(200);
      response.write("first ");
      answers.push(() => response.end(`last ${callerOf(request.socket)}`));
    });
    const open = dial(endpoint, gateway);
    const call = ask(open);
    await until("the call is in flight", () => answers.length === 1);
    const before = certificateOf(open);

    // Both take certificates of an authority that neither knew before.
    const next = createAuthority({ trustDomain: "weft.local", ...validity });
    const both = `${next.certPem}${authority.certPem}`;
    await auth.renew(make({ signer: next }), both);
    await gateway.renew(make({ service: "gateway-service", signer: next }), both);

    const fresh = dial(endpoint, gateway);
    const second = ask(fresh);
    await until("the second call is in flight", () => answers.length === 2);
    expect(certificateOf(fresh)).not.toBe(before);
    expect(certificateOf(open)).toBe(before);
    for (const answer of answers) {
      answer();
    }
    expect(await call).toBe("first last gateway-service");
    expect(await second).toBe("first last gateway-service");
  });

  test("follows files on disk that are replaced while it watches", async () => {
    const directory = await mkdtemp(join(tmpdir(), "weft-identity-"));
    cleanups.push(() => rm(directory, { recursive: true }));
    const write = async (made: KeyedCertificate) => {
      for (const [name, text] of [
        ["auth-service.key", made.keyPem],
        ["auth-service.pem", made.certPem],
        ["ca.pem", authority.certPem],
      ] as const) {
        await writeFile(join(directory, "draft"), text);
        await rename(join(directory, "draft"), join(directory, name));
      }
    };
    await write(make());
    const settings = { certsDir: directory, certFile: undefined, keyFile: undefined, caFile: undefined };
    const identity = await ServiceIdentity.load({
      ...{ service: "auth-service", paths: credentialPaths(settings, "auth-service"), clock: systemClock },
      // Where the system gives no notices, looking must do.
      ...{ logger: pino({ enabled: false }), metrics: new Metrics(), pollIntervalMs: 200 },
    });
    cleanups.push(() => identity.close());
    const next = make();
    await write(next);
    await until("the new files are in use", () => identity.serverContext().cert === next.certPem);
    expect(identity.serverContext().key).toBe(next.keyPem);
  });

  test("shuts out callers of an authority that is no longer trusted", async () => {
    const auth = await holder("auth-service");
    const gateway = await holder("gateway-service");
    const { endpoint } = await serve(auth);
    const open = dial(endpoint, gateway);
    expect(await ask(open)).toBe("2.0 gateway-service");
    const next = createAuthority({ trustDomain: "weft.local", ...validity });
    await auth.renew(make({ signer: next }), next.certPem);
    expect(await outcome(dial(endpoint, gateway))).toContain("authority that is not trusted");
    // Open connections go on until their age ends them.
    expect(await ask(open)).toBe("2.0 gateway-service");
  });
});

describe("a caller policy", () => {
  const policy = { "weft.user.v1.UserService/GetUser": ["auth-service"] };

  /** A server of Connect's handlers behind the gate. */
  async function serveUsers(user: Holder): Promise<string> {
    const gate = createCallerGate({
      ...{ policy, services: [UserService], ownServices: [], identified: true, development: true },
      ...{ clock: new FakeClock(), logger: pino({ enabled: false }), metrics: user.metrics },
    });
    const handler = connectNodeAdapter({
      routes: (router) =>
        void router.service(UserService, {
          getUser: (_request, context) => ({ user: { id: "1", username: context.values.get(callerKey) ?? "nobody" } }),
          getUsersByIds: () => ({}),
        }),
      interceptors: gate === undefined ? [] : [gate.interceptor()],
      contextValues: (request) => createContextValues().set(callerKey, callerOf(request.socket)),
    });
    return (await serve(user, handler as unknown as RequestListener)).endpoint;
  }

  const usersFor = async (service: string, endpoint: string) => {
    const { identity } = await holder(service);
    const { url, options } = dialSocket(endpoint, { identity, peer: "user-service" });
    const sessionManager = new Http2SessionManager(url, {}, options);
    cleanups.push(() => sessionManager.abort());
    return createClient(UserService, createGrpcTransport({ baseUrl: url, sessionManager }));
  };

  test("lets the named caller through, and tells the handler who it is", async () => {
    const users = await usersFor("auth-service", await serveUsers(await holder("user-service")));
    expect((await users.getUser({ userId: "1" })).user?.username).toBe("auth-service");
  });

  test("answers another caller, and the same one at another method, that it may not", async () => {
    const user = await holder("user-service");
    const endpoint = await serveUsers(user);
    const refused = async (service: string, method: "getUser" | "getUsersByIds") =>
      await (await usersFor(service, endpoint))[method]({}).then(
        () => "answered",
        (error: unknown) => [(error as ConnectError).code, errorReason(error), (error as ConnectError).rawMessage],
      );
    const reason = [Code.PermissionDenied, "CALLER_NOT_ALLOWED"];
    expect(await refused("project-service", "getUser")).toEqual([
      ...reason,
      "project-service may not call weft.user.v1.UserService/GetUser",
    ]);
    expect(await refused("auth-service", "getUsersByIds")).toEqual([
      ...reason,
      "auth-service may not call weft.user.v1.UserService/GetUsersByIds",
    ]);
    expect((await user.metrics.render()).text).toMatch(/weft_callers_denied_total\{caller="project-service".*\} 1/);
  });
});

describe("the end of the server", () => {
  test("lets a call in flight finish, and cuts handshakes that have not ended", async () => {
    let answer: (() => void) | undefined;
    const { server, endpoint, port } = await serve(await holder("auth-service"), (_request, response) => {
      answer = () => response.end("done");
    });
    const call = ask(dial(endpoint, await holder("gateway-service")));
    await until("the call is in flight", () => answer !== undefined);
    const silent: Socket = connectPlain(port, "127.0.0.1");
    silent.on("error", () => undefined);
    await once(silent, "connect");
    const cut = once(silent, "close");
    const drained = server.drain();
    silent.resume();
    await cut;
    answer?.();
    expect(await call).toBe("done");
    await drained;
    expect(server.server.listening).toBe(false);
  });
});
