/** A token for a program, by the password that a person types. */
import type { MeView, TokenBody, TokenCreated } from '@pelorus/protocol';
import { ApiError } from './api-error.ts';
import { createTransport, type ClientOptions, type RequestOptions } from './transport.ts';

export type Credentials = { name: string; password: string } | { email: string; password: string } | { code: string };

/**
 * Signs in, makes a token and signs out again: the password goes over the wire once, and what is kept is a token that can be
 * deleted by itself. Throws `ApiError` as the methods of the client do.
 */
export async function createTokenFor(
  options: Omit<ClientOptions, 'token'>,
  credentials: Credentials,
  token: TokenBody,
  signal?: AbortSignal,
): Promise<TokenCreated> {
  let cookie: string | null = null;
  const send = options.fetch ?? globalThis.fetch;
  const fetchKeepingCookie: typeof fetch = async (input, init) => {
    const response = await send(input, init);
    cookie ??= cookieOf(response);
    return response;
  };
  const ask = createTransport({ ...options, fetch: fetchKeepingCookie });
  const post = (path: string, json?: unknown): RequestOptions => ({
    ...{ method: 'POST', path },
    ...(json === undefined ? {} : { json }),
    ...(cookie === null ? {} : { headers: { cookie, origin: new URL(options.baseUrl).origin } }),
    ...(signal === undefined ? {} : { signal }),
  });
  await ask<MeView>(post('code' in credentials ? '/login/code' : '/login', credentials));
  if (cookie === null)
    throw new ApiError({ status: 200, code: 'NOT_PELORUS', message: `${options.baseUrl} signed in without a cookie` });
  const made = await ask<TokenCreated>(post('/tokens', token));
  await ask<undefined>(post('/logout'));
  return made;
}

function cookieOf(response: Response): string | null {
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? null;
}
