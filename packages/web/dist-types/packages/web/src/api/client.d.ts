/** The console speaks to the server that served it, through the public API, with the session's cookie. */
import { type Client } from '@pelorus/sdk';
import { QueryClient } from '@tanstack/react-query';
export declare const api: Client;
export declare const queries: QueryClient;
