/** The page for people, as one HTML text that loads nothing but what it is told to by its own script. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Page {
  html: string;
  /** Allows the one style and the one script that are in it, and requests to this server. */
  contentSecurityPolicy: string;
}

export function readPage(): Page {
  const style = part('page.css');
  const script = part('page.js');
  const html = part('page.html')
    .replace('/*STYLE*/', () => style)
    .replace('/*SCRIPT*/', () => script);
  const contentSecurityPolicy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, contentSecurityPolicy };
}

function part(name: string): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
