#!/usr/bin/env node
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "../install/ensure-installed.js";

/*
 * Makes sure that node_modules is what package-lock.json says, then ends: first half of `npm start` and `npm test`, so
 * that a clone works without a step of its own. Plain JavaScript without dependencies, since it runs before any of them
 * is there, on whatever Node the machine has. Everything it says goes to standard error: standard output belongs to the
 * command that follows.
 */

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
process.exitCode = await ensureInstalled(root);
