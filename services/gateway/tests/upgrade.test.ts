import { spawn } from "node:child_process";
import { expect, it } from "vitest";

/*
 * An upgrade that is decided on a later turn is not corked: when it is, uWebSockets reads the flags of the HTTP response in
 * memory that it has given back, and closes the connection when others have written certain bits there meanwhile. So a server
 * whose listeners write just those bits all over the heap runs in a process of its own. What is decided before the request's
 * callback is over, the promises that settle in it counted, needs no such care; nor has the library anything to warn of there.
 */

const server = new URL("./upgrade-server.ts", import.meta.url).pathname;

async function run(when: "now" | "soon" | "later"): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [server, when], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      output[name] += chunk;
    });
  }
  await new Promise((resolve) => child.once("close", resolve));
  return output;
}

const answered = "60 of 60 connections were answered\n";

it("an upgrade decided later opens the connection, whatever its listener does to the heap", async () => {
  expect(await run("later")).toMatchObject({ stdout: answered });
});

it.each([
  ["at once", "now"],
  ["by promises that wait for nothing outside", "soon"],
] as const)("an upgrade decided %s does so too, without a word on stderr", async (_, when) => {
  expect(await run(when)).toEqual({ stdout: answered, stderr: "" });
});
