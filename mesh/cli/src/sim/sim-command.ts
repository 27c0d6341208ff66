import { defineCommand } from "citty";
import { simCalibrateCommand } from "./calibrate-command.ts";
import { simCapacityCommand } from "./capacity-command.ts";
import { simChaosCommand } from "./chaos-command.ts";
import { simCompareCommand } from "./compare-command.ts";
import { simExplainCommand } from "./explain-command.ts";
import { simLiveCommand } from "./live/live-command.ts";
import { simPredictCommand } from "./predict-command.ts";
import { simRunCommand } from "./run-command.ts";
import { simScalabilityCommand } from "./scalability-command.ts";
import { simSweepCommand } from "./sweep-command.ts";
import { tellStudyErrors } from "./tell-study-errors.ts";

export const simCommand = defineCommand({
  meta: {
    name: "sim",
    description: "Simulate an architecture from a file, without a mesh, or the running mesh itself",
  },
  subCommands: tellStudyErrors({
    run: simRunCommand,
    compare: simCompareCommand,
    sweep: simSweepCommand,
    capacity: simCapacityCommand,
    explain: simExplainCommand,
    predict: simPredictCommand,
    calibrate: simCalibrateCommand,
    scalability: simScalabilityCommand,
    chaos: simChaosCommand,
    live: simLiveCommand,
  }),
});
