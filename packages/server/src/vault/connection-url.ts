/** Addresses of connections: which parts may be shown, and how secrets get into them. Pure. */

/** Stands where something is not shown. */
export const MASK = '***';

const SCHEMES = { sqlite: ['sqlite:'], postgres: ['postgres:', 'postgresql:'], mysql: ['mysql:', 'mariadb:'] } as const;
export type ConnectionKind = keyof typeof SCHEMES;

const PLACEHOLDER = /\$\{secret\.([^{}\s]+)\}/g;
const ONLY_PLACEHOLDERS = /^(?:\$\{secret\.[^{}\s]+\})+$/;
/** Up to the password, the password, `@`. */
const USER_INFORMATION = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)([^/?#]*)@/i;
const SECRET_PARAMETER = /pass|pwd|secret|token|key/i;

/** Null, or what is wrong with the address, without the address; completes "url …". */
export function refusedUrl(kind: ConnectionKind, url: string): string | null {
  const schemes: readonly string[] = SCHEMES[kind];
  if (!schemes.some((scheme) => url.toLowerCase().startsWith(scheme)))
    return `of a ${kind} connection must begin with ${schemes.join(' or ')}`;
  if (isReadable(url)) return null;
  return 'is no address that can be read; in its user and password / ? # @ : and % are percent-encoded';
}

/** Everybody takes the same part of it for the password. */
function isReadable(url: string): boolean {
  if (url.startsWith('sqlite:')) return true;
  const filled = url.replace(PLACEHOLDER, 'x');
  const beforeQuery = filled.split(/[?#]/, 1)[0] ?? '';
  return (
    beforeQuery.split('@').length <= 2 && !/^[^@]*:\/\/[^@]*\/[^@]*@/.test(beforeQuery) && URL.parse(filled) !== null
  );
}

/**
 * What may be shown: passwords, and parameters whose names say that they hold one, are `***`; placeholders of secrets stay. Of an
 * address that cannot be read, nothing but its scheme.
 */
export function maskUrl(url: string): string {
  if (!isReadable(url)) return `${url.slice(0, url.indexOf(':') + 1)}${MASK}`;
  return maskParameters(
    url.replace(USER_INFORMATION, (_whole, before: string, password: string) => `${before}${hidden(password)}@`),
  );
}

function hidden(text: string): string {
  return text === '' || ONLY_PLACEHOLDERS.test(text) ? text : MASK;
}

function maskParameters(url: string): string {
  const start = url.indexOf('?');
  if (start === -1) return url;
  const parameters = url.slice(start + 1).split('&');
  const masked = parameters.map((parameter) => {
    const at = parameter.indexOf('=');
    if (at === -1 || !SECRET_PARAMETER.test(parameter.slice(0, at))) return parameter;
    return `${parameter.slice(0, at)}=${hidden(parameter.slice(at + 1))}`;
  });
  return `${url.slice(0, start)}?${masked.join('&')}`;
}

/** Whether something in it is not shown. */
export function isMasked(url: string): boolean {
  return maskUrl(url) === url && url.includes(MASK);
}

/** The address with its secrets in place, percent-encoded unless it is a path; `lookup` throws for what there is not. */
export function fillUrl(url: string, lookup: (name: string) => string): string {
  const isPath = url.startsWith('sqlite:');
  return url.replace(PLACEHOLDER, (_whole, name: string) => {
    const value = lookup(name);
    return isPath ? value : encodeURIComponent(value);
  });
}
