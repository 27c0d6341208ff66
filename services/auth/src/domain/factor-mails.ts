import { type Mail, type Occasion, occasionText, paragraphs } from "./mails.ts";

/** What account owners are told of their second factors. */
export type FactorMailJob =
  | ({ readonly kind: "factor_added" | "factor_removed"; readonly factor: "totp" | "passkey" } & Occasion)
  | ({ readonly kind: "recovery_code_used"; readonly left: number } & Occasion)
  | ({ readonly kind: "codes_guessed" } & Occasion);

const nouns = { totp: "an authenticator app", passkey: "a passkey" } as const;

export function factorMail(to: string, username: string, job: FactorMailJob): Mail {
  const { subject, what, advice } = wordsOf(job);
  return { to, subject, text: paragraphs(`Hello ${username},`, what, occasionText(job), advice) };
}

function wordsOf(job: FactorMailJob): { subject: string; what: string; advice: string } {
  switch (job.kind) {
    case "factor_added":
      return {
        subject: "A second factor was added",
        what: `${nouns[job.factor]} was added to your account: it is asked for when you log in.`,
        advice: "If it was not you, remove it, set a new password and end all other sessions now.",
      };
    case "factor_removed":
      return {
        subject: "A second factor was removed",
        what: `${nouns[job.factor]} was removed from your account: it is not asked for any more.`,
        advice: "If it was not you, set a new password and end all other sessions now.",
      };
    case "recovery_code_used":
      return {
        subject: "A recovery code was used",
        what: `your account was logged in to with a recovery code; ${job.left} are left.`,
        advice: "If it was not you, set a new password, end all other sessions and make new codes now.",
      };
    case "codes_guessed":
      return {
        subject: "Somebody tries to guess your codes",
        what: "somebody gave the password of your account, and then wrong codes again and again. None was taken.",
        advice: "If it was not you, set a new password now: somebody knows the one you have.",
      };
  }
}
