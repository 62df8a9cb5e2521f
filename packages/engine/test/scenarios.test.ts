import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { playScenario } from './scenario.ts';

const folder = new URL('../scenarios/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('scenarios', () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(10));
  test.each(files)('%s', (name) => {
    const file = new URL(name, folder);
    const text = readFileSync(file, 'utf8');
    const played = playScenario(text);
    if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(file, played);
    else expect(played).toBe(text);
  });
});
