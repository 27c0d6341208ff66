import { connect } from "node:net";
import { until } from "@weft/mesh/testing";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, type SeenCall, startGateway } from "./gateway-harness.ts";

let harness: GatewayHarness;

/** Waits for bodies as long as any of these tests may take; where waiting ends, that is asked for. */
const start = (bodyTimeout = "120s") =>
  startGateway({
    env: { WEFT_BODY_MAX_BYTES: "2048", WEFT_BODY_TIMEOUT: bodyTimeout },
    routes: (router) => {
      router.service(AccountService, { login: ({ login }) => ({ accessToken: login }) });
      router.service(ProjectService, {
        getProject: ({ id }) => ({ project: { id, description: "x".repeat(8_000_000) } }),
      });
    },
  });

beforeAll(async () => {
  harness = await start();
});
afterAll(() => harness.stop());
beforeEach(() => {
  harness.calls.length = 0;
});

/** Sends bytes as they are, and gives all that comes back until the server closes or `enough` says so. */
function exchange(
  parts: readonly string[],
  enough: (answer: string) => boolean = () => false,
  options: { readonly halfClose?: boolean; readonly port?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(options.port ?? harness.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (enough(answer)) {
        socket.destroy();
      }
    });
    socket.on("close", () => resolve(answer));
    // A reset after the answer is how a server cuts off a client that goes on sending.
    socket.on("error", (error) => (answer === "" ? reject(error) : undefined));
    for (const part of parts) {
      socket.write(part);
    }
    if (options.halfClose === true) {
      socket.end();
    }
  });
}

const login = '{"login":"a","password":"b"}';
const post = (fields: string, body: string) =>
  `POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${fields}\r\n\r\n${body}`;
const smuggled = "GET /api/projects/smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\n\r\n";

const chunked = (body: string) => post("Transfer-Encoding: chunked", body + smuggled);
const upgrade = (version: string, fields = "") =>
  `GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: ${version}\r\n` +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: weft.v1\r\n${fields}\r\n`;

describe("requests whose end is in doubt", () => {
  const doubtful = [
    ["a length and chunks", post("Content-Length: 4\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`)],
    ["chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 4", `0\r\n\r\n${smuggled}`)],
    ["two lengths", post(`Content-Length: ${login.length}\r\nContent-Length: 0`, login + smuggled)],
    ["two lengths in one", post("Content-Length: 0, 5", smuggled)],
    ["a negative length", post("Content-Length: -1", smuggled)],
    ["a signed length", post("Content-Length: +0", smuggled)],
    ["chunks that are no chunks", post("Transfer-Encoding: chunked, identity", `0\r\n\r\n${smuggled}`)],
    ["an unknown encoding", post("Transfer-Encoding: xchunked", smuggled)],
    ["two encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`)],
    ["an encoding behind a space", post("Transfer-Encoding : chunked", `0\r\n\r\n${smuggled}`)],
    ["an encoding behind a vertical tab", post("Transfer-Encoding:\vchunked", `0\r\n\r\n${smuggled}`)],
    ["an encoding with a control character", post("Transfer-Encoding: chunked\v", `0\r\n\r\n${smuggled}`)],
    ["a null in a name", post("Transfer\0-Encoding: chunked", `0\r\n\r\n${smuggled}`)],
    ["a null in a value", post(`X-A: b\0c\r\nContent-Length: ${login.length}`, login + smuggled)],
    ["a bare carriage return in a value", post(`X-A: b\rContent-Length: 0`, smuggled)],
    ["a bare line feed in a value", post("X-A: b\nContent-Length: 0", smuggled)],
    ["a header without a name", post(`: x\r\nContent-Length: ${login.length}`, login + smuggled)],
    ["a length in hexadecimal", post("Content-Length: 0x1c", login + smuggled)],
    ["a length of two words", post("Content-Length: 1 0", login + smuggled)],
    ["an empty length", post("Content-Length: ", smuggled)],
    ["a length that wraps around", post("Content-Length: 18446744073709551644", login + smuggled)],
    ["a chunk whose size wraps around", chunked(`1000000000000001c\r\n${login}\r\n0\r\n\r\n`)],
    ["a chunk size with a prefix", chunked(`0x1c\r\n${login}\r\n0\r\n\r\n`)],
    ["a signed chunk size", chunked(`+1c\r\n${login}\r\n0\r\n\r\n`)],
    ["a negative chunk size", chunked(`-1\r\n${login}\r\n0\r\n\r\n`)],
    ["another version of HTTP", `GET / HTTP/1.2\r\nHost: a\r\n\r\n${smuggled}`],
    ["the preface of HTTP/2", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`],
    ["an absolute address", `GET http://elsewhere.test/ HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`],
    ["a tunnel", `CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`],
    ["two spaces in the first line", `GET  / HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`],
    ["no host", `GET / HTTP/1.1\r\n\r\n${smuggled}`],
    ["a null in the path", `GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`],
    ["an upgrade that has a body", upgrade("13", `Content-Length: ${smuggled.length}\r\n`) + smuggled],
    ["two hosts", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${smuggled}`],
    ["HTTP/1.0", `GET / HTTP/1.0\r\n\r\n${smuggled}`],
    ["a bare line feed", `GET / HTTP/1.1\nHost: a\n\n${smuggled}`],
  ] as const;
  // Some of them the server gives ten seconds to go on: sent all at once, they wait at the same time.
  let answers: readonly string[];
  let served: readonly SeenCall[];

  beforeAll(async () => {
    answers = await Promise.all(doubtful.map(([, request]) => exchange([request]).catch(() => "")));
    served = [...harness.calls];
  });

  it.each(doubtful.map(([what], at) => [what, at] as const))(
    "ASVS 4.2.1: with %s end the connection, and nothing behind them is served",
    (_, at) => {
      const answer = answers[at] ?? expect.unreachable("it was not sent");
      expect(answer.includes("HTTP/1.1 200")).toBe(false);
      expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(served).toEqual([]);
    },
  );

  it.each([
    ["a space before the colon", post("Content-Length : 0", smuggled)],
    ["a folded header", post("X-A: b\r\n Content-Length: 5", smuggled)],
    ["HTTP/0.9", "GET /\r\n"],
    ["a chunk whose size ends in a bare line feed", chunked(`1c;a\n${login}\r\n0\r\n\r\n`)],
  ])("with %s are taken for unfinished, and nothing is served", async (_, request) => {
    const answer = await exchange([request], undefined, { halfClose: true }).catch(() => "");
    expect(answer.includes("HTTP/1.1 200")).toBe(false);
    expect(harness.calls).toEqual([]);
  });

  it.each([
    ["a chunk that goes on behind its end", chunked(`1c\r\n${login}XX0\r\n\r\n`)],
    ["lines of chunks without carriage returns", chunked(`1c\n${login}\n0\n\n`)],
    ["fields behind the last chunk", chunked(`1c\r\n${login}\r\n0\r\nContent-Length: 5\r\n\r\n`)],
    ["a body to GET", `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  ])("with %s may be read, but nothing of what they bring along is served", async (_, request) => {
    await exchange([request], undefined, { halfClose: true }).catch(() => "");
    expect(harness.calls.filter(({ method }) => method.endsWith("/GetProject"))).toEqual([]);
  });

  it("by an upgrade to another version of WebSockets are told which one is spoken", async () => {
    const answer = await exchange([upgrade("12")]);
    expect(answer).toContain("HTTP/1.1 426");
    expect(answer.toLowerCase()).toContain("sec-websocket-version: 13");
  });

  it("are told what is wrong when nothing comes behind them", async () => {
    const answer = await exchange([post("Content-Length: 2\r\nContent-Length: 3", "{}")]);
    expect(answer).toContain("HTTP/1.1 400");
    expect(answer).toContain("Content-Length is given more than once");
  });

  it("can come in chunks", async () => {
    const chunks = `5\r\n${login.slice(0, 5)}\r\n${(login.length - 5).toString(16)}\r\n${login.slice(5)}\r\n0\r\n\r\n`;
    const answer = await exchange([post("Transfer-Encoding: chunked", chunks)], (text) => text.includes("accessToken"));
    expect(answer).toContain("HTTP/1.1 200 OK");
  });
});

describe("bodies", () => {
  it("that do not arrive are answered with 408 and the connection ends", async () => {
    const impatient = await start("100ms");
    const answer = await exchange([post("Content-Length: 20", '{"login"')], undefined, { port: impatient.port });
    expect(answer).toContain("HTTP/1.1 408");
    expect(answer).toContain("deadline_exceeded");
    expect(impatient.calls).toEqual([]);
    await impatient.stop();
  });

  it("that are too large are answered with 413", async () => {
    const body = `{"login":"${"a".repeat(4000)}"}`;
    const answer = await exchange([post(`Content-Length: ${body.length}`, body)], (text) => text.includes("details"));
    expect(answer).toContain("HTTP/1.1 413");
    expect(answer).toContain("must not be larger than 2048 bytes");
  });

  it("without end are cut off", async () => {
    const chunk = `${(65_536).toString(16)}\r\n${"a".repeat(65_536)}\r\n`;
    const answer = await exchange([post("Transfer-Encoding: chunked", ""), ...Array<string>(200).fill(chunk)]);
    expect(answer).toContain("HTTP/1.1 413");
    expect(harness.calls).toEqual([]);
  });

  it("are awaited even when nobody wants them, so that the answer is not lost in a reset", async () => {
    const socket = connect(harness.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.write("POST /api/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    const refused = { protocol: "other", method: "POST", status: "404" };
    await until("it is refused", () => harness.metrics.value("weft_gateway_requests_total", refused) > 0);
    socket.write("67890");
    await until("the answer is there", () => answer.includes("HTTP/1.1 404"));
    socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await until("the connection goes on", () => answer.includes("HTTP/1.1 200"));
    socket.destroy();
  });

  it("of clients that leave in the middle harm nobody", async () => {
    const socket = connect(harness.port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.write(post("Content-Length: 20", '{"login"'), () => resolve()));
    socket.destroy();
    await until(
      "the request has ended",
      () =>
        harness.metrics.value("weft_gateway_requests_total", {
          protocol: "rest",
          method: "POST",
          status: "499",
        }) > 0,
    );
    expect((await fetch(`${harness.url}/healthz`)).status).toBe(200);
  });
});

describe("answers", () => {
  it.each([
    ["a page", "GET / HTTP/1.1"],
    ["a large page", "GET /openapi.json HTTP/1.1"],
    ["only the head of a page", "HEAD / HTTP/1.1"],
    ["what a path takes", "OPTIONS /api/projects HTTP/1.1"],
    ["a page that is not there", "GET /nothing HTTP/1.1"],
    ["a method that is not there", "DELETE / HTTP/1.1"],
    ["a call without a token", "GET /api/projects/p HTTP/1.1"],
    ["an upgrade that is none", "GET /ws HTTP/1.1"],
    ["a body that cannot be read", post("Content-Length: 2\r\nConnection: close", "{]").split("\r\n\r\n")[0] ?? ""],
  ])("ASVS 4.2.2: to %s are as long as they say", async (_, first) => {
    const head = first.includes("\r\n") ? first : `${first}\r\nHost: a\r\nConnection: close`;
    const answer = await exchange([`${head}\r\n\r\n${first.includes("POST") ? "{]" : ""}`], undefined, {
      halfClose: true,
    });
    const [fields = "", ...parts] = answer.split("\r\n\r\n");
    const said = /^content-length: (\d+)$/im.exec(fields)?.[1];
    expect(/^transfer-encoding:/im.test(fields)).toBe(false);
    const hasNone = first.startsWith("HEAD") || / 204 /.test(fields);
    expect(parts.join("\r\n\r\n")).toHaveLength(hasNone ? 0 : Number(said));
  });

  it("that are large reach a client that reads late", async () => {
    const socket = connect(harness.port, "127.0.0.1");
    socket.write("GET /api/projects/p HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\n\r\n");
    await until("the call has been made", () => harness.calls.length === 1);
    await until("the answer is on its way", () => socket.readableLength > 0 || socket.bytesRead > 0);
    socket.pause();
    let received = 0;
    const whole = new Promise<void>((resolve) => {
      socket.on("data", (chunk) => {
        received += chunk.byteLength;
        if (received > 8_000_000) {
          resolve();
        }
      });
    });
    socket.resume();
    await whole;
    socket.destroy();
  });
});

describe("oversized heads", () => {
  it("take cookies of a browser's size, and refuse more", async () => {
    const get = (bytes: number) => `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${"a".repeat(bytes)}\r\n\r\n`;
    expect(await exchange([get(8000)], (text) => text.includes("weft gateway"))).toContain("HTTP/1.1 200");
    expect(await exchange([get(40_000)])).toContain("HTTP/1.1 431");
  });
});
