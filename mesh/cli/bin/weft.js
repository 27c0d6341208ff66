#!/usr/bin/env node
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// TypeScript runs unbuilt from Node 22.18 on. An older one on PATH hands over to the Node that the repository pins.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  await import("./stripped-types.js");
  await import("../src/main.ts");
} else {
  handOver(findPinnedNode());
}

function findPinnedNode() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
  } catch {
    console.error(`error: weft needs Node 22.18 or newer; this is ${process.version}`);
    console.error("next:  run `npm install`, which brings the right one, and start weft with npm or npx");
    process.exit(1);
  }
}

/** @param {string} node */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // Ctrl-C reaches the child by itself; it decides when to end, so this process must outlive the signal.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code) => process.exit(code ?? 1));
  child.on("error", (error) => {
    console.error(`error: ${node} could not be started: ${error.message}`);
    process.exit(1);
  });
}
