import { parseDefinition, type WorkflowDefinition } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { checkCron } from '../cron/index.ts';
import { checkTemplate, parseTemplate } from '../parameters/template.ts';
import { importCrontab, type CrontabOptions, type ImportResult } from './index.ts';

function importOf(text: string, options: Partial<CrontabOptions> = {}): ImportResult {
  return importCrontab(text, { file: 'crontab', project: null, timezone: 'UTC', hasUser: false, ...options });
}

/** As the server reads what was written. */
function definitionsOf(result: ImportResult): WorkflowDefinition[] {
  return result.workflows.map(({ source }) => {
    const { definition, problems } = parseDefinition(source, 'yaml', { checkCron, checkTemplate });
    expect(problems).toEqual([]);
    if (definition === null) throw new Error(source);
    return definition;
  });
}

/** What the shell gets. */
function scriptsOf(result: ImportResult): string[] {
  return definitionsOf(result).map(({ tasks }) => {
    const action = tasks[0]?.action;
    if (action?.type !== 'shell' || action.run === null) throw new Error('no shell task');
    return parseTemplate(action.run, 'script')
      .parts.map((part) => (part.kind === 'text' ? part.text : part.source))
      .join('');
  });
}

function namesOf(result: ImportResult): string[] {
  return result.workflows.map(({ name }) => name);
}

describe('an entry', () => {
  test('is a workflow with one shell task and an offline schedule that makes up for nothing', () => {
    const [definition] = definitionsOf(
      importOf('30 4 1,15 * 5 /opt/bin/backup.sh --all\n', { timezone: 'Asia/Shanghai', project: 'ops' }),
    );
    expect(definition).toMatchObject({
      name: expect.stringMatching(/^backup_[0-9a-f]{8}$/) as unknown,
      project: 'ops',
      concurrency: 'parallel',
      timeout: { action: 'warn' },
      schedule: { cron: '30 4 1,15 * 5', timezone: 'Asia/Shanghai', misfire: 'skip', online: false },
      tasks: [{ name: 'backup', action: { type: 'shell', shell: 'sh', run: 'cd ~\n/opt/bin/backup.sh --all\n' } }],
    });
  });

  test.each([['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'].map((macro) => macro)])(
    'may have a macro for its time',
    (...macros) => {
      const result = importOf(macros.map((macro, index) => `${macro} echo ${index}`).join('\n'));
      expect(definitionsOf(result).map(({ schedule }) => schedule?.cron)).toEqual(macros);
    },
  );

  test('of @reboot, a time that there is not and a broken line are reported, and the others are taken', () => {
    const result = importOf(
      '@reboot a\n61 * * * * b\n0 0 30 2 * c\n* * * *\n0 0 * * *\n0~30 * * * * d\nnonsense\n* * * * * e\n',
    );
    expect(namesOf(result).map((name) => name.slice(0, 2))).toEqual(['e_']);
    expect(
      result.report.filter(({ outcome }) => outcome === 'unsupported').map(({ item, why }) => [item, why]),
    ).toEqual([
      ['line 1: @reboot a', 'there is no schedule for the start of a machine'],
      ['line 2: 61 * * * * b', 'minute `61`: 61 is not between 0 and 59'],
      ['line 3: 0 0 30 2 * c', '`0 0 30 2 *` never fires: there is no such day'],
      ['line 4', 'it has fewer than five fields'],
      ['line 5', 'it has no command'],
      ['line 6: 0~30 * * * * d', 'minute `0~30` is not understood'],
      ['line 7', 'it has fewer than five fields'],
    ]);
  });

  test('has behind `%` its input, and `\\%` is a percent sign', () => {
    expect(scriptsOf(importOf('0 0 * * * mail -s "10pm" joe%Joe,%%Where are your kids?%'))).toEqual([
      `cd ~\n{ mail -s "10pm" joe\n} <<'INPUT'\nJoe,\n\nWhere are your kids?\nINPUT\n`,
    ]);
    expect(scriptsOf(importOf('0 0 * * * tar cf b-$(date +\\%F).tar .'))).toEqual([
      'cd ~\ntar cf b-$(date +%F).tar .\n',
    ]);
    expect(scriptsOf(importOf('0 0 * * * cat%INPUT%a \\% b'))).toEqual([
      `cd ~\n{ cat\n} <<'INPUT_'\nINPUT\na % b\nINPUT_\n`,
    ]);
  });

  test('reaches the shell as it was written, whatever it holds', () => {
    const command = 'echo ${HOME} ${x:-y} $[1+2] $[yyyy] $$ "${a[0]}" \'$[a\' # end';
    const result = importOf(`0 0 * * * ${command}`);
    expect(scriptsOf(result)).toEqual([`cd ~\n${command}\n`]);
    expect(result.report.at(-1)).toMatchObject({ outcome: 'changed', why: '`$[` in it is escaped as `$$[`' });
  });
});

describe('lines above an entry', () => {
  const result = importOf(
    [
      'A=1',
      '0 1 * * * first',
      '# Some prose,',
      '# of two lines.',
      '0 2 * * * second',
      '# 0 3 * * * commented out',
      'SHELL=/bin/bash',
      'B = " two words "',
      'C=$HOME and ${x} $[yyyy]',
      'CRON_TZ=Europe/Berlin',
      'MAILTO="ops@example.com, dev@example.com"',
      '0 4 * * * third',
      'MAILTO=""',
      'CRON_TZ=Mars/Olympus',
      'RANDOM_DELAY=5',
      'PELORUS_X=1',
      'API_TOKEN=abc123',
      '0 5 * * * fourth',
    ].join('\r\n'),
  );
  const [first, second, third, fourth] = definitionsOf(result);

  test('set variables for those below them, as they are', () => {
    expect([first, second, third].map((one) => one?.tasks[0]?.env)).toEqual([
      { A: '1' },
      { A: '1' },
      { A: '1', B: ' two words ', C: '$HOME and $${x} $$[yyyy]' },
    ]);
    expect([second, third].map((one) => one?.tasks[0]?.action)).toMatchObject([
      { shell: 'sh' },
      { shell: '/bin/bash' },
    ]);
  });

  test('say the zone and who is told', () => {
    expect([first, third, fourth].map((one) => [one?.schedule?.timezone, one?.notify])).toEqual([
      ['UTC', { on: 'none', to: [] }],
      ['Europe/Berlin', { on: 'failure', to: ['ops@example.com', 'dev@example.com'] }],
      ['Europe/Berlin', { on: 'none', to: [] }],
    ]);
  });

  test('describe it, unless they are an entry themselves', () => {
    expect([first, second, third].map((one) => one?.description)).toEqual(['', 'Some prose,\nof two lines.', '']);
  });

  test('do not carry secrets into definitions', () => {
    expect(fourth?.tasks[0]?.env['API_TOKEN']).toBe('${secret.API_TOKEN}');
    expect(JSON.stringify(result)).not.toContain('abc123');
  });

  test('are all told of', () => {
    expect(result.report.map(({ item, outcome }) => `${outcome} ${item}`)).toEqual([
      'mapped line 1: A',
      'mapped line 7: SHELL',
      'mapped line 8: B',
      'mapped line 9: C',
      'mapped line 10: CRON_TZ',
      'changed line 11: MAILTO',
      'mapped line 13: MAILTO',
      'unsupported line 14: CRON_TZ',
      'unsupported line 15: RANDOM_DELAY',
      'unsupported line 16: PELORUS_X',
      'changed line 17: API_TOKEN',
      'mapped 3 comments',
      'mapped line 2: 0 1 * * * first',
      'mapped line 5: 0 2 * * * second',
      'mapped line 12: 0 4 * * * third',
      'mapped line 18: 0 5 * * * fourth',
    ]);
  });
});

describe('/etc/crontab', () => {
  const debian = [
    '# m h dom mon dow user  command',
    '17 *    * * *   root    cd / && run-parts --report /etc/cron.hourly',
    '-*/10 * * * * www-data /usr/bin/php /srv/cron.php',
    '@daily\tpostgres\tvacuumdb --all',
  ].join('\n');

  test('has a user before the command', () => {
    const [first, second, third] = definitionsOf(importOf(debian, { hasUser: true }));
    expect(
      [first, second, third].map((one) => [one?.tasks[0]?.runAs, one?.tasks[0]?.name, one?.schedule?.cron]),
    ).toEqual([
      ['root', 'run-parts', '17 * * * *'],
      ['www-data', 'cron', '*/10 * * * *'],
      ['postgres', 'vacuumdb', '@daily'],
    ]);
    expect(first?.description).toBe('');
  });

  test.each([
    ['a heading with a user', debian, true],
    ['a user of the system in every entry', '0 0 * * * root a\n@daily nobody b', true],
    ['another word in one of them', '0 0 * * * root a\n@daily backup.sh b', false],
    ['a heading without a user', '# m h  dom mon dow   command\n0 0 * * * root a\n0 0 * * * job', false],
    ['nothing', '', false],
  ])('is told by %s', (_what, text, hasUser) => {
    expect(importOf(text, { hasUser: null })).toEqual(importOf(text, { hasUser }));
  });
});

describe('names', () => {
  test.each([
    ['/usr/local/bin/backup.sh --all', 'backup'],
    ['cd /opt/app && ./run.py', 'run'],
    ['test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )', 'run-parts'],
    ['flock -n /run/x.lock nice -n 10 /opt/sync', 'sync'],
    ['LANG=C /usr/bin/env python3 -m pkg.tool', 'pkg'],
    ['timeout 5m bash -c "x"', 'x'],
    ['[ -d /x ] && find /x -delete', 'find'],
    ['数据导入 --now', '数据导入'],
    ['%', 'job'],
  ])('%s is called %s', (command, name) => {
    expect(namesOf(importOf(`0 0 * * * ${command}`))[0]?.replace(/_[0-9a-f]{8}$/, '')).toBe(name);
  });

  test('stay when times change and entries are put before them, and differ where commands do', () => {
    const before = namesOf(importOf('0 1 * * * job a\n0 2 * * * job b'));
    const after = namesOf(importOf('MAILTO=""\n0 7 * * * new\n5 1 * * * job a\n0 2 * * * job b'));
    expect(after.slice(1)).toEqual(before);
    expect(new Set(after).size).toBe(3);
  });

  test('of the same command twice get a number', () => {
    const [first, second] = namesOf(importOf('0 1 * * * job a\n0 2 * * * job a'));
    expect(second).toBe(`${first ?? ''}_2`);
  });
});

test('a file without an entry is a problem', () => {
  expect(importOf('# nothing\nA=1\n').problems).toEqual([
    { item: 'crontab', message: 'crontab holds no entry that can be imported' },
  ]);
});

test('no text throws', () => {
  const pieces = [
    '* * * * *',
    '@daily',
    'root',
    '%',
    '\\%',
    '$[',
    '${',
    '\0',
    '\ud800',
    'A=',
    '"',
    "'",
    '#',
    '\n',
    ' ',
    '~',
    '數',
    '-',
    '=',
  ];
  for (let seed = 0; seed < 2000; seed += 1) {
    let state = seed;
    const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8;
    const text = Array.from({ length: 12 }, () => pieces[next() % pieces.length]).join(next() % 2 === 0 ? ' ' : '');
    const result = importOf(text, { hasUser: [true, false, null][seed % 3] ?? null });
    definitionsOf(result);
    expect(result.problems.every(({ message }) => message.includes('holds no entry'))).toBe(true);
  }
});
