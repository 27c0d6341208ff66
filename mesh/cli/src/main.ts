import { stripVTControlCharacters } from "node:util";
import { type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { CliError, describeError } from "./cli-error.ts";
import colors from "./command-line/colors.ts";
import { nearest } from "./command-line/nearest.ts";
import { assertKnownOptions } from "./command-line/options.ts";
import { wrapHelp } from "./command-line/wrap-help.ts";

/*
 * The `weft` command: finds the subcommand, prints help, runs it, and turns what it throws into "what happened, why,
 * what to do next". Commands are loaded when they are used, so that each starts fast.
 */
// biome-ignore lint/suspicious/noExplicitAny: commands differ in their arguments; citty's own type for a mixed table.
type AnyCommand = CommandDef<any>;

const commands: Readonly<Record<string, { summary: string; load: () => Promise<AnyCommand> }>> = {
  up: {
    summary: "Start the stores and every service, and keep them running",
    load: async () => (await import("./up/up-command.ts")).upCommand,
  },
  status: {
    summary: "Show services, instances, health, ports and versions",
    load: async () => (await import("./status/status-command.ts")).statusCommand,
  },
  top: {
    summary: "Watch services, pools, breakers, rates and latency live",
    load: async () => (await import("./top/top-command.ts")).topCommand,
  },
  call: {
    summary: "Call a method of a service through discovery",
    load: async () => (await import("./call/call-command.ts")).callCommand,
  },
  logs: {
    summary: "Show and follow the services' logs",
    load: async () => (await import("./logs/logs-command.ts")).logsCommand,
  },
  certs: {
    summary: "Make certificates for mTLS between services",
    load: async () => (await import("./certs/certs-command.ts")).certsCommand,
  },
  sim: {
    summary: "Simulate an architecture from a file, without a mesh",
    load: async () => (await import("./sim/sim-command.ts")).simCommand,
  },
  inspect: {
    summary: "Print the registry's records of a service",
    load: async () => (await import("./registry/inspect-command.ts")).inspectCommand,
  },
  register: {
    summary: "Put an instance into the registry by hand",
    load: async () => (await import("./registry/register-command.ts")).registerCommand,
  },
};

const overview = defineCommand({
  meta: { name: "weft", description: "Run and look into a Weft mesh" },
  subCommands: Object.fromEntries(
    Object.entries(commands).map(([name, { summary }]) => [
      name,
      defineCommand({ meta: { name, description: summary } }),
    ]),
  ),
});

async function main(rawArgs: readonly string[]): Promise<void> {
  const [name, ...rest] = rawArgs;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    printHelp(await renderUsage(overview));
    process.exitCode = name === undefined ? 2 : 0;
    return;
  }
  if (name === "--version" || name === "-v") {
    const { default: manifest } = await import("../package.json", { with: { type: "json" } });
    process.stdout.write(`${manifest.version}\n`);
    return;
  }
  const entry = commands[name];
  if (entry === undefined) {
    const near = nearest(name, Object.keys(commands), 1)[0];
    throw new CliError(`"${name}" is no command of weft`, {
      next: `${near === undefined ? "" : `did you mean "weft ${near}"? `}\`weft --help\` lists the commands`,
    });
  }
  await runNamed(await entry.load(), overview, rest);
}

/** Runs a command, or the one inside it that the next word names. */
async function runNamed(command: AnyCommand, parent: AnyCommand, rawArgs: readonly string[]): Promise<void> {
  const options = rawArgs.includes("--") ? rawArgs.slice(0, rawArgs.indexOf("--")) : rawArgs;
  const inner = command.subCommands as Readonly<Record<string, AnyCommand>> | undefined;
  const [word, ...rest] = rawArgs;
  if (inner !== undefined && word !== undefined && Object.hasOwn(inner, word)) {
    await runNamed(inner[word] as AnyCommand, command, rest);
    return;
  }
  if (options.includes("--help") || options.includes("-h")) {
    printHelp(await renderUsage(command, parent));
    return;
  }
  if (inner !== undefined) {
    const names = Object.keys(inner).join(", ");
    const { name } = command.meta as { name: string };
    throw new CliError(
      word === undefined ? `weft ${name} needs a command` : `"${word}" is no command of weft ${name}`,
      {
        next: `weft ${name} takes: ${names}; \`weft ${name} ${Object.keys(inner)[0]} --help\` explains the first`,
      },
    );
  }
  assertKnownOptions(rawArgs, typeof command.args === "object" ? command.args : {});
  await runCommand(command, { rawArgs: [...rawArgs] });
}

/** citty colours its help always; in a file or a pipe the escape codes would only be in the way, and lines are whole there. */
function printHelp(text: string): void {
  const { isTTY, columns } = process.stdout;
  process.stdout.write(
    `${isTTY ? wrapHelp(text, columns || Number.POSITIVE_INFINITY) : stripVTControlCharacters(text)}\n`,
  );
}

function report(error: unknown): void {
  const name = process.argv[2];
  if (process.argv.includes("--debug")) {
    console.error(error);
  }
  // citty marks its own refusals (a missing argument, a value of the wrong kind) with a code.
  const refused = error instanceof Error && /^E(ARG|_)/.test(String((error as { code?: unknown }).code));
  const expected = refused || error instanceof CliError;
  console.error(`${colors.red("error:")} ${error instanceof CliError ? error.message : describeError(error)}`);
  const next = error instanceof CliError ? error.next : refused ? `weft ${name} --help` : "run it again with --debug";
  if (next !== undefined) {
    console.error(`${colors.bold("next:")}  ${next}`);
  }
  process.exitCode = expected ? 1 : 70;
}

// A reader or a terminal that went away (`weft logs | head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") {
      throw error;
    }
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  report(error);
}
