/** For other packages: architecture files read without the service, by pure functions. */
export type { Architecture } from "./architecture.ts";
export { type Finding, ImportError } from "./import-result.ts";
export { importWeft } from "./import-weft.ts";
export { optionPaths } from "./option-rules.ts";
export { readArchitecture } from "./read-architecture.ts";
