/**
 * The OpenID providers, from the environment. Where they are comes from here alone and from nobody who logs in, and what is
 * sent to them is a secret of ours and codes of theirs: so it is https, or in development this very machine.
 */
export interface ProviderConfig {
  /** "acme"; in paths and messages. */
  readonly name: string;
  readonly label: string;
  /** Exactly as the provider's discovery document has it. */
  readonly issuer: string;
  readonly clientId: string;
  /** Where the client's secret is found. */
  readonly secretName: string;
  /** Whether an address counts as proved when this provider says so. */
  readonly trustEmail: boolean;
}

export interface ProvidersConfig {
  readonly providers: readonly ProviderConfig[];
  /** Where providers may send browsers back to. */
  readonly redirectUris: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const nameForm = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * `WEFT_OIDC_PROVIDERS`: names, separated by commas; of each `WEFT_OIDC_<NAME>_ISSUER`, `_CLIENT_ID`, `_CLIENT_SECRET` (or
 * `_CLIENT_SECRET_FILE`), and if wanted `_LABEL` and `_TRUST_EMAIL=true`. `WEFT_OIDC_REDIRECT_URIS`: addresses, separated by
 * commas, unless `/login/provider` of `publicUrl` will do. Throws an Error that names the variable and what it accepts.
 */
export function loadProvidersConfig(
  env: Environment,
  options: { readonly publicUrl: string | undefined; readonly development: boolean },
): ProvidersConfig {
  const { publicUrl, development } = options;
  const providers = listed(env.WEFT_OIDC_PROVIDERS).map((name) => providerConfig(env, name, development));
  if (providers.length === 0) {
    return { providers, redirectUris: [] };
  }
  const issuers = providers.map(({ issuer }) => issuer);
  const twice = providers.find(({ issuer }, at) => issuers.indexOf(issuer) !== at);
  if (twice !== undefined) {
    throw new Error(`WEFT_OIDC_PROVIDERS: "${twice.name}" has the issuer of another one; people are told apart by it`);
  }
  const given = listed(env.WEFT_OIDC_REDIRECT_URIS);
  const redirectUris = given.length > 0 || publicUrl === undefined ? given : [`${publicUrl}/login/provider`];
  for (const uri of redirectUris) {
    if (!isSafeUrl(uri, development) || new URL(uri).href !== uri || /[?#]/.test(uri)) {
      throw new Error(
        `WEFT_OIDC_REDIRECT_URIS has "${uri}"; it takes addresses such as https://weft.example.org/login/provider, ` +
          "with a path and without a query (in development http://localhost, too)",
      );
    }
  }
  if (redirectUris.length === 0) {
    throw new Error(
      "WEFT_OIDC_PROVIDERS needs WEFT_PUBLIC_URL or WEFT_OIDC_REDIRECT_URIS, for providers to send people to",
    );
  }
  return { providers, redirectUris };
}

function providerConfig(env: Environment, name: string, development: boolean): ProviderConfig {
  if (!nameForm.test(name)) {
    throw new Error(`WEFT_OIDC_PROVIDERS names "${name}"; it takes names of small letters, digits and _, such as acme`);
  }
  const prefix = `WEFT_OIDC_${name.toUpperCase()}`;
  const issuer = env[`${prefix}_ISSUER`] ?? "";
  if (!isSafeUrl(issuer, development) || /[?#]/.test(issuer)) {
    throw new Error(
      `${prefix}_ISSUER is "${issuer}"; it takes the https address of a provider, as its discovery document has it ` +
        "(in development http://localhost, too)",
    );
  }
  const clientId = env[`${prefix}_CLIENT_ID`] ?? "";
  if (clientId === "") {
    throw new Error(`${prefix}_CLIENT_ID is not set; it takes the id that the provider gave this application`);
  }
  const secretName = `${prefix}_CLIENT_SECRET`;
  // Asked for here, since in development secrets that are missing are made up, and nobody else would know this one.
  if ((env[secretName] ?? "") === "" && (env[`${secretName}_FILE`] ?? "") === "") {
    throw new Error(`${secretName} is not set, nor ${secretName}_FILE; it takes the secret that the provider gave`);
  }
  const trust = env[`${prefix}_TRUST_EMAIL`] ?? "false";
  if (trust !== "true" && trust !== "false") {
    throw new Error(`${prefix}_TRUST_EMAIL is "${trust}"; it takes true or false`);
  }
  return { name, label: env[`${prefix}_LABEL`] || name, issuer, clientId, secretName, trustEmail: trust === "true" };
}

/** https, or in development http to this machine; without a password in it. */
function isSafeUrl(text: string, development: boolean): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") {
    return false;
  }
  return url.protocol === "https:" || (development && isLoopbackHttp(url));
}

/** Whether an address is plain http to this very machine. */
export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === "http:" && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
}

function listed(text = ""): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
