import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { systemRandom } from "@weft/mesh";
import { createAuthority, issueCertificate } from "@weft/mesh/certificates";
import { FakeClock, silentLogger, until } from "@weft/mesh/testing";
import { freePort } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type WatchedTlsFiles, watchTlsFiles } from "../src/http/tls-files.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

const validity = { notBeforeMs: Date.now() - 3_600_000, notAfterMs: Date.now() + 3_600_000, random: systemRandom };
const authority = createAuthority({ ...validity, trustDomain: "test.local" });

/** Makes a certificate for the name as <name>.pem and <name>.key in the folder. */
async function makeCertificate(folder: string, name: string): Promise<void> {
  const id = { trustDomain: "test.local", service: name };
  const { certPem, keyPem } = issueCertificate({ ...validity, authority, id, hosts: ["127.0.0.1"] });
  await Promise.all([writeFile(join(folder, `${name}.pem`), certPem), writeFile(join(folder, `${name}.key`), keyPem)]);
}

describe("a gateway with a certificate", () => {
  let folder: string;
  let harness: GatewayHarness;
  let tls: WatchedTlsFiles;
  const clock = new FakeClock();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-gateway-tls-"));
    await makeCertificate(folder, "first");
    await makeCertificate(folder, "second");
    await use("first");
    tls = await watchTlsFiles(files(), { clock, logger: silentLogger });
    harness = await startGateway({
      env: { WEFT_PUBLIC_TLS_CERT: files().certFile, WEFT_PUBLIC_TLS_KEY: files().keyFile },
      tls,
      routes: () => undefined,
    });
  });
  afterAll(async () => {
    tls.close();
    await harness.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const files = () => ({ certFile: join(folder, "served.pem"), keyFile: join(folder, "served.key") });
  const use = async (cert: string, key = cert) => {
    await copyFile(join(folder, `${cert}.pem`), files().certFile);
    await copyFile(join(folder, `${key}.key`), files().keyFile);
  };
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ port: harness.port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    return socket;
  };
  const served = async (): Promise<string> => {
    const socket = await open();
    const name = socket.getPeerCertificate().subject.CN as string;
    socket.destroy();
    return name;
  };

  it("speaks HTTPS, and tells browsers to insist on it", async () => {
    const asked = request({
      port: harness.port,
      host: "127.0.0.1",
      path: "/",
      rejectUnauthorized: false,
      agent: false,
    });
    const [response] = await once(asked.end(), "response");
    expect(response.statusCode).toBe(200);
    expect(response.headers["strict-transport-security"]).toContain("max-age=31536000");
    response.resume();
    await expect(fetch(`http://127.0.0.1:${harness.port}/`)).rejects.toThrow();
  });

  it("ASVS 4.4.1: speaks WebSocket over TLS, and not without it", async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${harness.port}/ws`, "weft.v1", { rejectUnauthorized: false });
    await once(socket, "open");
    socket.send('{"id":1,"connect":{"token":"alice"}}');
    const [frame] = await once(socket, "message");
    expect(JSON.parse(String(frame))).toMatchObject({ id: 1, connected: { userId: "user-alice" } });
    socket.terminate();
    const plain = new WebSocket(`ws://127.0.0.1:${harness.port}/ws`, "weft.v1");
    const [error] = await once(plain, "error");
    expect(error).toBeInstanceOf(Error);
  });

  it("takes a new certificate up for new connections, and cuts none that is open", async () => {
    const socket = await open();
    let answers = "";
    socket.on("data", (chunk) => {
      answers += String(chunk);
    });
    const askOn = async (times: number) => {
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await until(`${times} answers`, () => answers.split("HTTP/1.1 200 OK").length - 1 === times);
    };
    await askOn(1);
    for (const [round, name] of ["second", "first", "second"].entries()) {
      await use(name);
      await until("the new certificate is served", async () => {
        await clock.advance(5000);
        return (await served()) === name;
      });
      await askOn(round + 2);
    }
    socket.destroy();
  });

  it("keeps the old one when the new one cannot be used", async () => {
    const before = await served();
    const another = before === "first" ? "second" : "first";
    await use(another, before);
    await clock.advance(5000);
    await writeFile(files().certFile, "no certificate");
    await clock.advance(5000);
    await rm(files().certFile);
    await clock.advance(5000);
    expect(await served()).toBe(before);
    await use(another);
    await until("the good one is served", async () => {
      await clock.advance(5000);
      return (await served()) === another;
    });
  });

  it("does not start with files that do not belong together", async () => {
    const files = { certFile: join(folder, "first.pem"), keyFile: join(folder, "second.key") };
    const watched = watchTlsFiles(files, { clock, logger: silentLogger });
    await expect(watched).rejects.toThrow("is not the private key of");
  });
});

describe("several gateways", () => {
  it("share one port when they are told to, and go on when one has stopped listening", async () => {
    // Only a port that is asked for can be shared.
    const port = await freePort();
    const shared = { env: { WEFT_PUBLIC_PORT_SHARED: "true" }, port, routes: () => undefined };
    const both = [await startGateway(shared), await startGateway(shared)];
    const answered = () => both.map(({ metrics }) => metrics.value("weft_gateway_requests_total"));
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).status;
    await until("each has answered", async () => {
      expect(await ask()).toBe(200);
      return answered().every((count) => count > 0);
    });
    await both[0]?.stop();
    const [before = 0] = answered();
    for (let at = 0; at < 20; at += 1) {
      expect(await ask()).toBe(200);
    }
    expect(answered()[0]).toBe(before);
    await both[1]?.stop();
  });

  it("refuse to share a port when they are not", async () => {
    const one = await startGateway({ routes: () => undefined });
    await expect(startGateway({ port: one.port, routes: () => undefined })).rejects.toThrow("cannot be listened on");
    await one.stop();
  });
});
