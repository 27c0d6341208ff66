import type { ImportResult } from "../domain/architecture/import-result.ts";
import type { ProjectErrorKind, RefusedField } from "../domain/errors.ts";
import type { Format } from "../domain/formats.ts";

/** To the thread. */
export interface ImportRequest {
  readonly format: Format;
  readonly content: string;
}

/** From the thread: "ready" once, when it can take a request, then one answer each. */
export type ImportAnswer =
  | { readonly type: "ready" }
  | { readonly type: "read"; readonly result: ImportResult }
  | {
      readonly type: "refused";
      readonly kind: ProjectErrorKind;
      readonly message: string;
      readonly fields: readonly RefusedField[];
      readonly facts: Readonly<Record<string, string>>;
    };
