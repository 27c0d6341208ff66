/** What a connection is opened with, as a connect frame has it. */
export type Credential = { readonly token: string } | { readonly ticket: string };
