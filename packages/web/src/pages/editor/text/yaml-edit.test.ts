import { describe, expect, it } from 'vitest';
import { addTask, connect, deleteTasks, disconnect, renameTask, type Steps } from './task-edits.ts';
import { applyEdits, removeValue, setValue, type TextEdit } from './yaml-edit.ts';
import { readSource, type Source } from './yaml-place.ts';

const FLOW = `# about the whole
name: weather   # the name
params:
  year: { type: integer, default: 2015 } # which year
tasks:
  extract: { type: shell, file: extract.sh, files: [a.csv] }
  # looks at it
  check: { type: script, needs: [extract], file: check.ts }
  load:
    type: sql # a comment
    needs: [extract, check]
    run: |
      insert into t
      values (1);

    retry: { max: 2, interval: 2s }
  publish:
    needs:
      - load   # after it
      - check
    run: echo done # the end
`;

const source = (text: string, format: 'yaml' | 'json' = 'yaml'): Source => {
  const read = readSource(text, format);
  if (read === null) throw new Error('does not parse');
  return read;
};
const after = (text: string, edits: TextEdit[] | null): string => {
  if (edits === null) throw new Error('no patch');
  return applyEdits(text, edits);
};
const afterSteps = (text: string, steps: Steps | null): string => {
  if (steps === null) throw new Error('no patch');
  return steps.reduce(applyEdits, text);
};
/** Lines that are not in the other text, as a diff shows them. */
const changedLines = (before: string, now: string): { gone: string[]; come: string[] } => {
  const [old, next] = [before.split('\n'), now.split('\n')];
  const rest = [...next];
  const gone = old.filter((line) => {
    const at = rest.indexOf(line);
    if (at === -1) return true;
    rest.splice(at, 1);
    return false;
  });
  return { gone, come: rest };
};

describe('values', () => {
  it.each<[string, (string | number)[], never | string | number | boolean, string, string]>([
    ['a plain text keeps its comment', ['name'], 'climate', 'name: weather   # the name', 'name: climate   # the name'],
    [
      'a number in brackets',
      ['params', 'year', 'default'],
      2012,
      '  year: { type: integer, default: 2015 } # which year',
      '  year: { type: integer, default: 2012 } # which year',
    ],
    [
      'a text in a block',
      ['tasks', 'publish', 'run'],
      'echo over',
      '    run: echo done # the end',
      '    run: echo over # the end',
    ],
    [
      'a member of a map in brackets',
      ['tasks', 'load', 'retry', 'max'],
      3,
      '    retry: { max: 2, interval: 2s }',
      '    retry: { max: 3, interval: 2s }',
    ],
    [
      'a text that must be quoted in brackets',
      ['tasks', 'check', 'file'],
      'a, b.ts',
      '  check: { type: script, needs: [extract], file: check.ts }',
      '  check: { type: script, needs: [extract], file: "a, b.ts" }',
    ],
  ])('%s is a one-line diff', (_name, path, value, gone, come) => {
    expect(changedLines(FLOW, after(FLOW, setValue(source(FLOW), path, value)))).toEqual({
      gone: [gone],
      come: [come],
    });
  });

  it('adds a key to a task in brackets and to one in lines', () => {
    expect(changedLines(FLOW, after(FLOW, setValue(source(FLOW), ['tasks', 'check', 'timeout'], '5m')))).toEqual({
      gone: ['  check: { type: script, needs: [extract], file: check.ts }'],
      come: ['  check: { type: script, needs: [extract], file: check.ts, timeout: 5m }'],
    });
    expect(changedLines(FLOW, after(FLOW, setValue(source(FLOW), ['tasks', 'publish', 'timeout'], '5m')))).toEqual({
      gone: [],
      come: ['    timeout: 5m'],
    });
  });

  it('changes one line of a script of several', () => {
    const now = after(FLOW, setValue(source(FLOW), ['tasks', 'load', 'run'], 'insert into t\nvalues (2);\n'));
    expect(changedLines(FLOW, now)).toEqual({ gone: ['      values (1);'], come: ['      values (2);'] });
  });

  it('makes a script of several lines of one with a comment behind it', () => {
    const now = after(FLOW, setValue(source(FLOW), ['tasks', 'publish', 'run'], 'echo a\necho b\n'));
    expect(changedLines(FLOW, now)).toEqual({
      gone: ['    run: echo done # the end'],
      come: ['    run: | # the end', '      echo a', '      echo b'],
    });
  });

  it('makes a script of one line of one of several', () => {
    const now = after(FLOW, setValue(source(FLOW), ['tasks', 'load', 'run'], 'select 1'));
    expect(now).toContain('    run: select 1\n\n    retry:');
  });

  it('makes the maps on the way', () => {
    const now = after(FLOW, setValue(source(FLOW), ['tasks', 'publish', 'retry', 'max'], 2));
    expect(changedLines(FLOW, now)).toEqual({ gone: [], come: ['    retry: { max: 2 }'] });
    expect(after(FLOW, setValue(source(FLOW), ['labels', 'team'], 'data'))).toContain('labels: { team: data }');
  });

  it('takes keys away and keeps what stands around them', () => {
    expect(changedLines(FLOW, after(FLOW, removeValue(source(FLOW), ['tasks', 'load', 'retry'])))).toEqual({
      gone: ['    retry: { max: 2, interval: 2s }'],
      come: [],
    });
    expect(after(FLOW, removeValue(source(FLOW), ['tasks', 'check', 'needs', 0], 2))).toContain(
      '  check: { type: script, file: check.ts }',
    );
    expect(after(FLOW, removeValue(source(FLOW), ['params', 'year']))).not.toContain('params');
  });

  it('edits JSON as JSON', () => {
    const text = '{\n  "name": "a",\n  "tasks": {\n    "one": { "run": "true" }\n  }\n}\n';
    const now = after(text, setValue(source(text, 'json'), ['tasks', 'two'], { run: 'echo "x"', needs: ['one'] }));
    expect(JSON.parse(now)).toEqual({
      name: 'a',
      tasks: { one: { run: 'true' }, two: { run: 'echo "x"', needs: ['one'] } },
    });
    expect(now.startsWith(text.slice(0, text.indexOf(' }\n  }')))).toBe(true);
  });

  it('gives no patch for what stands behind an alias', () => {
    const text = 'x: &x { a: 1 }\ny: *x\n';
    expect(setValue(source(text), ['y', 'a'], 2)).toBeNull();
  });
});

describe('tasks', () => {
  it('a new one stands at the end, in lines', () => {
    const now = afterSteps(FLOW, addTask(source(FLOW), 'mail', { needs: ['publish'], run: 'mail a\nmail b\n' }));
    expect(now).toBe(`${FLOW}  mail:\n    needs: [publish]\n    run: |\n      mail a\n      mail b\n`);
  });

  it('the first one is put into an empty map', () => {
    expect(
      afterSteps('name: a\ntasks: {}\n', addTask(source('name: a\ntasks: {}\n'), 'one', { run: 'true' })),
    ).toContain('tasks:\n  one: { run: "true" }');
    expect(afterSteps('name: a\n', addTask(source('name: a\n'), 'one', { run: 'echo' }))).toBe(
      'name: a\ntasks:\n  one: { run: echo }\n',
    );
  });

  it('a blank line stands between tasks where one did', () => {
    const text = 'tasks:\n  a:\n    run: a\n\n  b:\n    run: b\n';
    expect(afterSteps(text, addTask(source(text), 'c', { run: 'c' }))).toBe(`${text.trimEnd()}\n\n  c: { run: c }\n`);
  });

  it('are connected and disconnected in their own manner', () => {
    expect(afterSteps(FLOW, connect(source(FLOW), 'extract', 'publish'))).toContain('      - check\n      - extract\n');
    expect(afterSteps(FLOW, connect(source(FLOW), 'load', 'check'))).toContain('needs: [extract, load]');
    expect(afterSteps(FLOW, connect(source(FLOW), 'check', 'extract'))).toContain(
      'extract: { type: shell, needs: [check], file',
    );
    expect(changedLines(FLOW, afterSteps(FLOW, disconnect(source(FLOW), 'load', 'publish')))).toEqual({
      gone: ['      - load   # after it'],
      come: [],
    });
    expect(afterSteps(FLOW, disconnect(source(FLOW), 'extract', 'check'))).toContain('check: { type: script, file');
  });

  it('are renamed wherever they are named, and nowhere else', () => {
    const text = `tasks:\n  a: { run: echo a }\n  b:\n    type: conditions\n    needs: [a]\n    when: { and: [{ task: a, state: failed }, { or: [{ task: "a", state: succeeded }] }] }\n    success: [a2]\n  a2: { needs: [b], run: a }\n  s:\n    type: switch\n    needs: [a]\n    cases: [{ when: a, goto: a2 }, { when: b, goto: [a2, a] }]\n    default: a\n`;
    expect(afterSteps(text, renameTask(source(text), 'a', 'first'))).toBe(
      text
        .replace('  a: {', '  first: {')
        .replaceAll('needs: [a]', 'needs: [first]')
        .replace('task: a,', 'task: first,')
        .replace('task: "a"', 'task: "first"')
        .replace('[a2, a]', '[a2, first]')
        .replace('default: a\n', 'default: first\n'),
    );
  });

  it('are deleted with what names them and with the remark above them', () => {
    const now = afterSteps(FLOW, deleteTasks(source(FLOW), ['check']));
    expect(changedLines(FLOW, now)).toEqual({
      gone: [
        '  # looks at it',
        '  check: { type: script, needs: [extract], file: check.ts }',
        '    needs: [extract, check]',
        '      - check',
      ],
      come: ['    needs: [extract]'],
    });
    expect(
      source(afterSteps(FLOW, deleteTasks(source(FLOW), ['extract', 'check', 'load', 'publish']))).value,
    ).toMatchObject({ tasks: {} });
  });
});
