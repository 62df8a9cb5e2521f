/** Who is signed in. While nobody is, the page to sign in stands in place of everything, and what was open stays behind it. */
import { ApiError } from '@pelorus/sdk';
import type { MeView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { createContext, use, useEffect, type ReactNode } from 'react';
import { api, queries } from '../api/client.ts';
import { ErrorState } from '../ui/states.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { refuseCode } from './sign-in-code.ts';
import { SignInPage } from './sign-in.tsx';

const SessionContext = createContext<MeView | null>(null);

const ME = ['me'];

/** Of a page that is shown to people who are signed in only. */
export function useMe(): MeView {
  const me = use(SessionContext);
  if (me === null) throw new Error('this page needs a session');
  return me;
}

/** Bits w 4, r 2, x 1 of the person in a project; administrators have all. */
export function useMay(project: string | null): { read: boolean; write: boolean; execute: boolean; own: boolean } {
  const me = useMe();
  const found = me.projects.find(({ name }) => name === project);
  const perm = me.administrator ? 7 : (found?.perm ?? 0);
  return {
    read: (perm & 2) !== 0,
    write: (perm & 4) !== 0,
    execute: (perm & 1) !== 0,
    own: me.administrator || found?.owner === true,
  };
}

/** Whether there is a project in which the person may do this; administrators may in all. */
export function useMayAnywhere(right: 'write' | 'execute'): boolean {
  const me = useMe();
  const bit = right === 'write' ? 4 : 1;
  return me.administrator || me.projects.some(({ perm }) => (perm & bit) !== 0);
}

/** Shows its children to whoever is signed in, once `after` has come: a page that is there at once is painted once. */
export function Session({ after, children }: { after: Promise<void>; children: ReactNode }): ReactNode {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ME,
    queryFn: async ({ signal }) => {
      const me = await signedIn(signal);
      await after.catch(() => undefined);
      return me;
    },
    staleTime: 60_000,
  });
  useEffect(
    () =>
      queries.getQueryCache().subscribe(({ query, type }) => {
        if (type !== 'updated' || query.queryHash === JSON.stringify(ME)) return;
        if (query.state.error instanceof ApiError && query.state.error.status === 401) queries.setQueryData(ME, null);
      }),
    [],
  );
  if (isPending)
    return (
      <div className="grid h-full place-items-center">
        <Spinner />
      </div>
    );
  if (error !== null && data === undefined) return <ErrorState error={error} onRetry={() => void refetch()} />;
  const me = data ?? null;
  if (me === null)
    return (
      <SignInPage onSignedIn={(next) => void queries.invalidateQueries().then(() => queries.setQueryData(ME, next))} />
    );
  return <SessionContext value={me}>{children}</SessionContext>;
}

/** Null: nobody. A code in the address is used up first. */
async function signedIn(signal: AbortSignal): Promise<MeView | null> {
  const address = new URL(location.href);
  const code = address.searchParams.get('code');
  if (code !== null) {
    address.searchParams.delete('code');
    history.replaceState(history.state, '', address);
    try {
      return await api.loginByCode(code);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500) throw error;
      refuseCode();
    }
  }
  try {
    return await api.me(signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export async function signOut(): Promise<void> {
  await api.logout();
  queries.clear();
  location.assign('/');
}
