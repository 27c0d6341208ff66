import { ModelError } from "@weft/simulator";
import { StudyError } from "@weft/simulator/studies";
import { refusedFields } from "./model-refusal.ts";
import { FieldError, TooLargeError } from "./prepare-study.ts";
import type { Refusal } from "./study-messages.ts";

/** What a study can be refused with, in words for whoever asked; undefined for what is our fault. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof FieldError) {
    const { field, message: description } = error;
    return { kind: "invalid", message: `${field}: ${description}`, fields: [{ field, description }] };
  }
  if (error instanceof TooLargeError) {
    return { kind: "too_large", message: error.message, fields: [] };
  }
  if (error instanceof ModelError) {
    const fields = refusedFields(error);
    const [first] = fields;
    const message = first === undefined ? error.message : `${first.field}: ${first.description}`;
    return { kind: "cannot_be_simulated", message, fields };
  }
  if (error instanceof StudyError) {
    const message = error.next === undefined ? error.message : `${error.message}; ${error.next}`;
    return { kind: "cannot_be_simulated", message, fields: [] };
  }
  return undefined;
}
