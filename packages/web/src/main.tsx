import './style.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/client.ts';
import { router } from './app/router.tsx';
import { Session } from './app/session.tsx';
import { startTexts } from './i18n/index.ts';
import { Toasts } from './ui/toast.tsx';

startTexts();
// What the first page needs comes while it is found out who is there, unless that needs the code in the address.
const firstPage = new URLSearchParams(location.search).has('code') ? Promise.resolve() : router.load();
createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <Toasts>
          <Session after={firstPage}>
            <RouterProvider router={router} />
          </Session>
        </Toasts>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
