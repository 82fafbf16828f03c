import { ProductConfigurationError } from '../errors.js';

/** Sizes of a secret by the Standard Webhooks specification, bytes. */
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** What the HTTP adapter is told about the product's endpoint. */
export interface HttpSettings {
  /** Ends with a slash, so that paths can be resolved against it. */
  base: URL;
  /** Every request is signed with each of them: the product can change from one to the next without a pause. */
  signingSecrets: string[];
  /** Whether the host may have an address inside a private network. */
  privateAddresses: boolean;
}

/**
 * Reads the settings `url`, `signingSecret` (one `whsec_…`, or several with blanks between) and `privateAddresses` (`allowed`).
 *
 * @param insecureHosts `host:port` that may be used over plain http
 * @throws ProductConfigurationError for a setting that cannot be used; the message holds no secret, and of the address its origin alone
 */
export function readHttpSettings(
  settings: Readonly<Record<string, string>>,
  insecureHosts: readonly string[],
): HttpSettings {
  return {
    base: readBase(settings['url'] ?? '', insecureHosts),
    signingSecrets: readSecrets(settings['signingSecret'] ?? ''),
    privateAddresses: readPrivateAddresses(settings['privateAddresses']),
  };
}

function readBase(text: string, insecureHosts: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ProductConfigurationError('The address of the product is not an http or https URL.');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ProductConfigurationError(
      `The address of the product at ${url.host} must be a plain URL: without user, password, query and fragment.`,
    );
  }
  if (url.protocol === 'http:' && !insecureHosts.includes(hostAndPort(url))) {
    throw new ProductConfigurationError(
      `The product at ${url.host} may only be used over https; for development, ALLOW_INSECURE_HTTP can name ${hostAndPort(url)}.`,
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** `host:port` of a URL, with the port also when it is the scheme's own. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
}

function readSecrets(text: string): string[] {
  const secrets = text.split(/\s+/).filter((secret) => secret !== '');
  if (secrets.length > 0 && secrets.every(isSecret)) return secrets;
  throw new ProductConfigurationError(
    `A product over HTTP needs the setting signingSecret: whsec_ and the base64 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} random bytes.`,
  );
}

function isSecret(text: string): boolean {
  const base64 = SECRET.exec(text)?.[1];
  if (base64 === undefined || base64.length % 4 !== 0) return false;
  const { length } = Buffer.from(base64, 'base64');
  return length >= MIN_SECRET_BYTES && length <= MAX_SECRET_BYTES;
}

function readPrivateAddresses(text: string | undefined): boolean {
  if (text === undefined) return false;
  if (text === 'allowed') return true;
  throw new ProductConfigurationError('The setting privateAddresses of a product over HTTP can only be: allowed.');
}
