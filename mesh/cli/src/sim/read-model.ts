import { readFile } from "node:fs/promises";
import { text as readText } from "node:stream/consumers";
import { type Architecture, type Finding, ImportError, readArchitecture } from "@weft/project/architecture";
import { assertSimulationOptions, compileModel, ModelError } from "@weft/simulator";
import { CliError, describeError } from "../cli-error.ts";

export interface ModelFile {
  readonly architecture: Architecture;
  /** What the import could not be sure of, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Reads an architecture of any format, `-` from standard input. Our own format says exactly what is meant, so a bad or
 * misspelt field in it is refused, and a cycle of calls, of which a link would have to be left out; other formats leave most to
 * be guessed, and what is bad there becomes a note. Throws CliError.
 */
export async function readModelFile(file: string): Promise<ModelFile> {
  const name = file === "-" ? "standard input" : file;
  const content = await readContent(file, name);
  try {
    const { architecture, findings, format } = readArchitecture(content);
    const errors = findings.filter(({ severity }) => severity !== "INFO");
    if (format === "weft" && errors.length > 0) {
      throw new CliError(`${name} has ${errors.length === 1 ? "an error" : `${errors.length} errors`}:${list(errors)}`);
    }
    return { architecture, notes: findings.filter(({ severity }) => severity !== "INFO").map(sentence) };
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    throw new CliError(`${name} cannot be read as an architecture: ${error.message}`, { cause: error });
  }
}

async function readContent(file: string, name: string): Promise<string> {
  try {
    return file === "-" ? await readText(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    const isFolder = (error as NodeJS.ErrnoException).code === "EISDIR";
    throw new CliError(
      `${name} cannot be read: ${isFolder ? "it is a folder; name a file in it" : describeError(error)}`,
      {
        cause: error,
      },
    );
  }
}

function sentence({ line, message }: Finding): string {
  return line === undefined ? message : `line ${line}: ${message}`;
}

/** An import says what it made of what is bad; a refusal makes nothing of it. */
function refusal(text: string): string {
  return text
    .replace(/; (it|this component|this workload|this one) (counts as absent|is ignored|is left out)$/, "")
    .replace(
      / is left out: with (.*) it would form a cycle of calls$/,
      " forms a cycle of calls with $1, and has no bound",
    )
    .replace(" is left out: ", " cannot be: ");
}

function list(findings: readonly Finding[]): string {
  return findings.map((finding) => `\n  - ${refusal(sentence(finding))}`).join("");
}

/** Throws CliError with every component, field and reason when the simulator refuses the model or an option. */
export function assertRunnable(
  architecture: Parameters<typeof compileModel>[0],
  load: number,
  options: Parameters<typeof assertSimulationOptions>[0],
): void {
  refuseWith("this run cannot be made", () => assertSimulationOptions(options));
  refuseWith("the model cannot be simulated", () => compileModel(architecture, { load }));
}

function refuseWith(heading: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const lines = error.issues.map(({ message }) => `\n  - ${message}`).join("");
    throw new CliError(`${heading}:${lines}`, { cause: error });
  }
}
