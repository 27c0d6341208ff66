import { fromBinary, type Registry, toJson } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import colors from "../command-line/colors.ts";

/** Details that the mesh reads itself, by the type they travel as. */
const understood = new Set(["google.rpc.ErrorInfo", "google.rpc.BadRequest", "buf.validate.Violations"]);

/**
 * A failed call for a person: code, message, and every detail. Reason and refused fields are spelt out; other details
 * are decoded with the service's descriptors; one whose type is unknown is shown by name and as base64, never left out.
 */
export async function formatCallError(error: ConnectError, registry: Registry | undefined): Promise<string> {
  const { errorMetadata, errorReason, errorViolations } = await import("@weft/mesh");
  const lines = [`${colors.red(codeName(error.code))}: ${error.rawMessage}`];
  const reason = errorReason(error);
  if (reason !== undefined) {
    const metadata = Object.entries(errorMetadata(error)).map(([name, value]) => ` ${name}=${value}`);
    lines.push(`  reason ${reason}${metadata.join("")}`);
  }
  for (const { field, description } of errorViolations(error)) {
    lines.push(`  field ${field}: ${description}`);
  }
  for (const detail of error.details) {
    const type = "desc" in detail ? detail.desc.typeName : detail.type;
    if (!understood.has(type)) {
      lines.push(`  ${type} ${"desc" in detail ? JSON.stringify(detail.value) : decode(detail, registry)}`);
    }
  }
  return lines.join("\n");
}

function decode(detail: { type: string; value: Uint8Array }, registry: Registry | undefined): string {
  const schema = registry?.getMessage(detail.type);
  if (schema === undefined || registry === undefined) {
    return Buffer.from(detail.value).toString("base64");
  }
  return JSON.stringify(toJson(schema, fromBinary(schema, detail.value), { registry }));
}

/** "PermissionDenied" as the wire's "permission_denied". */
function codeName(code: Code): string {
  return (Code[code] ?? `code ${code}`).replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
