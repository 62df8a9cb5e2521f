/** The console speaks to the server that served it, through the public API, with the session's cookie. */
import { ApiError, createClient, type Client } from '@pelorus/sdk';
import { QueryClient } from '@tanstack/react-query';

export const api: Client = createClient({ baseUrl: location.origin });

/** Whether asking the same again could give another answer. */
function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500 || error.status === 429;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 5 * 60_000,
      retry: (failures, error) => failures < 3 && mayPass(error),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 10_000),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});
