import { InstallError } from "./install-error.js";

/** What npm says, in order of how sure it makes us, and what helps. */
const causes = [
  {
    pattern: /\bENOSPC\b/,
    what: "the disk is full",
    next: "Free some space (about 1 GB is needed; `npm cache clean --force` helps) and run the command again.",
  },
  {
    pattern: /\bEUSAGE\b|can only install packages when your package\.json and package-lock\.json/,
    what: "package-lock.json does not match package.json",
    next: "Run `npm install` once to bring the lock file up to date, and commit it.",
  },
  {
    pattern: /\bEBADENGINE\b[\s\S]*\bnpm error\b|npm error[^\n]*engine/,
    what: `Node ${process.versions.node} or its npm is too old for a package`,
    next: "Install a current Node from https://nodejs.org or with your version manager, and run the command again.",
  },
  {
    pattern: /\bEINTEGRITY\b/,
    what: "a downloaded package is not the one that package-lock.json expects",
    next: "Run `npm cache clean --force` and the command again; if it stays, the registry serves something else.",
  },
  {
    pattern: /\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/,
    what: "the package registry cannot be reached",
    next: "Check the network and proxy (`npm config get registry`, `npm ping`) and run the command again.",
  },
  {
    pattern: /\b(E401|E403|E404)\b/,
    what: "the package registry refused a package",
    next: "Check which registry is used and that you may read from it: `npm config get registry`.",
  },
  {
    pattern: /\b(EACCES|EPERM|EROFS)\b/,
    what: "a file may not be written",
    next: "The checkout and npm's cache (`npm config get cache`) must be yours: check who owns them, do not mix root and not root.",
  },
];

/** The InstallError for an npm that ended without success, from its exit code, signal and output. */
export function explainFailure(root, command, { code, signal, output }) {
  const known = causes.find(({ pattern }) => pattern.test(output));
  const ending = signal === null ? `exit code ${code}` : `was ended by ${signal}`;
  if (known !== undefined) {
    return new InstallError(`npm ${command} failed: ${known.what} (${ending})`, known.next);
  }
  return new InstallError(
    `npm ${command} failed (${ending})`,
    signal === "SIGKILL"
      ? "The system may have run out of memory: close something and run the command again."
      : `npm's own words are above; \`cd ${root} && npm ${command}\` shows them again.`,
  );
}
