import { defineCommand } from "citty";
import { simRunCommand } from "./run-command.ts";

export const simCommand = defineCommand({
  meta: { name: "sim", description: "Simulate an architecture from a file, without a mesh" },
  subCommands: { run: simRunCommand },
});
