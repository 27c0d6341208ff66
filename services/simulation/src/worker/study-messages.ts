import type { SimulationErrorKind } from "../domain/lifecycle/errors.ts";
import type { StudyTask } from "../domain/studies/study.ts";

/** What a study's thread is started with: to say whether the study can be asked, or to answer it. */
export interface StudyThreadInput {
  readonly purpose: "check" | "answer";
  readonly task: StudyTask;
  /** That run replications, besides this one, which only waits for them. */
  readonly threads: number;
}

/** What it tells; after anything but "progress" nothing comes. */
export type StudyThreadMessage =
  | { readonly type: "progress"; readonly progress: number; readonly phase: string }
  | { readonly type: "checked" }
  | { readonly type: "answer"; readonly resultJson: string; readonly report: string | undefined }
  | ({ readonly type: "refused" } & Refusal);

/** Why a study cannot be asked, or was not answered. */
export interface Refusal {
  readonly kind: SimulationErrorKind;
  readonly message: string;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
}
