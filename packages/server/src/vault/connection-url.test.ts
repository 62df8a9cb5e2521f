import { describe, expect, test } from 'vitest';
import { fillUrl, isMasked, maskUrl, refusedUrl } from './connection-url.ts';

describe('what is shown of an address', () => {
  test.each([
    ['postgres://etl:hunter2@db:5432/dwh', 'postgres://etl:***@db:5432/dwh'],
    ['postgres://etl@db/dwh', 'postgres://etl@db/dwh'],
    ['postgres://etl:@db/dwh', 'postgres://etl:@db/dwh'],
    ['mysql://root:p%40ss@h/db?charset=utf8', 'mysql://root:***@h/db?charset=utf8'],
    ['postgres://etl:${secret.pw}@db/dwh', 'postgres://etl:${secret.pw}@db/dwh'],
    ['postgres://etl:${secret.pw}x@db/dwh', 'postgres://etl:***@db/dwh'],
    ['postgres://h/db?user=u&password=hunter2&sslmode=require', 'postgres://h/db?user=u&password=***&sslmode=require'],
    ['postgres://h/db?password=${secret.pw}', 'postgres://h/db?password=${secret.pw}'],
    ['mysql://u:a:b@h/db', 'mysql://u:***@h/db'],
    ['sqlite:./data.db', 'sqlite:./data.db'],
    ['sqlite:/srv/a@b:c/x.db', 'sqlite:/srv/a@b:c/x.db'],
    ['postgres://u:p/w@h/db', 'postgres:***'],
    ['postgres://u:p@ss@h/db', 'postgres:***'],
    ['postgres:// nonsense hunter2', 'postgres:***'],
  ])('%s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
    expect(maskUrl(shown)).toBe(shown);
    expect(isMasked(shown)).toBe(shown.includes('***'));
    expect(isMasked(url)).toBe(false);
  });
});

test('an address must be of its kind, and readable in one way only', () => {
  expect(refusedUrl('postgres', 'postgresql://h/db')).toBeNull();
  expect(refusedUrl('mysql', 'mariadb://u:p@h:3306/db')).toBeNull();
  expect(refusedUrl('postgres', 'postgres://u:${secret.pw}@${secret.host}/db')).toBeNull();
  expect(refusedUrl('sqlite', 'sqlite:')).toBeNull();
  expect(refusedUrl('mysql', 'postgres://h')).toBe('of a mysql connection must begin with mysql: or mariadb:');
  for (const url of ['postgres://u:p/w@h/db', 'postgres://u:p@s@h/db', 'postgres://u:p#w@h/db', 'postgres://[h/db'])
    expect(refusedUrl('postgres', url), url).toMatch(/no address that can be read/);
});

test('secrets are put in encoded, or as they are in a path; what they hold is not read again', () => {
  const values: Record<string, string> = { pw: 'a/b@${secret.host}?#%', host: 'db' };
  const lookup = (name: string): string => values[name] ?? '';
  const url = 'postgres://u:${secret.pw}@${secret.host}/x';
  const filled = fillUrl(url, lookup);
  expect(filled).toBe(`postgres://u:${encodeURIComponent(values['pw']!)}@db/x`);
  expect(decodeURIComponent(new URL(filled).password)).toBe(values['pw']);
  expect(fillUrl('sqlite:/data/${secret.host}/x.db', lookup)).toBe('sqlite:/data/db/x.db');
});
