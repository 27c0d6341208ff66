import { StudyError } from "@weft/simulator/studies";
import type { CommandDef } from "citty";
import { CliError } from "../cli-error.ts";

// biome-ignore lint/suspicious/noExplicitAny: commands differ in their arguments; citty's own type for any of them.
type AnyCommand = CommandDef<any>;

/** The same commands, with what ends a study told like every other failure of the command line. */
export function tellStudyErrors<Commands extends Record<string, AnyCommand>>(commands: Commands): Commands {
  return Object.fromEntries(Object.entries(commands).map(([name, command]) => [name, told(command)])) as Commands;
}

function told(command: AnyCommand): AnyCommand {
  return {
    ...command,
    run: async (context) => {
      try {
        return await command.run?.(context);
      } catch (error) {
        if (!(error instanceof StudyError)) throw error;
        const next = error.next === undefined ? {} : { next: error.next };
        throw new CliError(error.message, { ...next, cause: error });
      }
    },
  };
}
