/*
 * TypeScript modules without their types, kept from start to start. Node takes the types out of each module whenever it is
 * loaded, which is 40 % of the work of a service's start (measured: 1.8 s of CPU, 1.1 with this), and does not keep the
 * result in its compile cache (NODE_COMPILE_CACHE), beside which it is kept here: one file per module, of its last source. What
 * cannot be read, kept or stripped is left to Node, which says what is wrong with it. Without a compile cache nothing is kept.
 *
 * Loaded before anything else: by services with `--import` (src/node-flags.ts), by the command itself. JavaScript,
 * so that it has no types.
 */
import { hash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

const cache = process.env.NODE_COMPILE_CACHE ?? "";
const folder = join(cache, `stripped-${process.version}`);

if (cache !== "" && made(folder)) {
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith("file:") || !url.endsWith(".ts")) {
        return nextLoad(url, context);
      }
      try {
        return { format: "module", source: strippedSource(url), shortCircuit: true };
      } catch {
        return nextLoad(url, context);
      }
    },
  });
}

/** @param {string} path */
function made(path) {
  try {
    mkdirSync(path, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} url */
function strippedSource(url) {
  const source = readFileSync(new URL(url), "utf8");
  const digest = hash("sha256", source);
  const file = join(folder, hash("sha256", url));
  const kept = keptIn(file, digest);
  if (kept !== undefined) {
    return kept;
  }
  const stripped = withoutWarning(() => stripTypeScriptTypes(source));
  keep(file, `${digest}\n${stripped}`);
  return stripped;
}

/**
 * Node strips types without a word, and says that doing so by this function is experimental.
 *
 * @param {() => string} work
 */
function withoutWarning(work) {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * @param {string} file
 * @param {string} digest of the source that it has to be made of
 */
function keptIn(file, digest) {
  try {
    const text = readFileSync(file, "utf8");
    return text.startsWith(`${digest}\n`) ? text.slice(digest.length + 1) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whole or not at all: others may read it meanwhile.
 *
 * @param {string} file
 * @param {string} text
 */
function keep(file, text) {
  const unfinished = `${file}.${randomUUID()}`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } catch {
    // The next start strips it again.
  }
}
