import { spawn } from "node:child_process";
import { basename, delimiter, join, resolve } from "node:path";
import { explainFailure } from "./explain-failure.js";
import { InstallError } from "./install-error.js";

/*
 * Runs npm as the machine has it. Inside an npm script the Node pinned in node_modules comes first on PATH, but npm is
 * about to replace that very folder: so node_modules/.bin is taken off the PATH, and npm runs on the Node outside.
 * npm's own words are passed on as they come, and kept to tell from them what went wrong.
 */

const progressEveryMs = 10_000;
const keptOutputChars = 64 * 1024;

/** Resolves when npm ends with success; rejects with an InstallError that says what to do next. */
export function runNpm(root, args) {
  const env = { ...process.env, PATH: pathWithoutOurBinaries(root), npm_config_update_notifier: "false" };
  // Of the npm script that we run in; they would make this npm believe that it is part of it.
  delete env.npm_lifecycle_event;
  delete env.npm_lifecycle_script;
  const [program, ...prefix] = npmCommand();
  const startedMs = Date.now();
  return new Promise((done, fail) => {
    const child = spawn(program, [...prefix, ...args], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    const pass = (chunk) => {
      process.stderr.write(chunk);
      output = (output + chunk).slice(-keptOutputChars);
    };
    child.stdout.setEncoding("utf8").on("data", pass);
    child.stderr.setEncoding("utf8").on("data", pass);
    const progress = setInterval(() => {
      process.stderr.write(`weft: … ${Math.round((Date.now() - startedMs) / 1000)} s\n`);
    }, progressEveryMs);
    let interruptedBy;
    const forward = (signal) => {
      interruptedBy = signal;
      child.kill(signal);
    };
    process.on("SIGINT", forward).on("SIGTERM", forward);
    const settle = (error) => {
      clearInterval(progress);
      process.off("SIGINT", forward).off("SIGTERM", forward);
      if (error === undefined) {
        done();
      } else {
        fail(error);
      }
    };
    child.on("error", (cause) => {
      settle(
        cause.code === "ENOENT"
          ? new InstallError("npm was not found on PATH", "Install Node together with npm from https://nodejs.org.")
          : new InstallError(`npm did not start (${cause.code})`, "", { cause }),
      );
    });
    child.on("close", (code, signal) => {
      if (interruptedBy !== undefined) {
        settle(
          new InstallError("the install was interrupted", "Run the command again: it starts over.", { exitCode: 130 }),
        );
      } else {
        settle(code === 0 ? undefined : explainFailure(root, args[0], { code, signal, output }));
      }
    });
  });
}

/** The npm we were started by, if we were, run by the Node on PATH; else the npm on PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running !== undefined && basename(running) === "npm-cli.js" ? ["node", running] : ["npm"];
}

function pathWithoutOurBinaries(root) {
  const ours = join(root, "node_modules");
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !resolve(folder).startsWith(ours))
    .join(delimiter);
}
