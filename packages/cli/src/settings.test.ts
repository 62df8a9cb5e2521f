import { expect, test } from 'vitest';
import {
  givenByConfigFile,
  parseListen,
  resolveSettings,
  SETTING_NAMES,
  SETTINGS,
  unknownEnvironmentNames,
} from './settings.ts';

test('a flag beats the environment, which beats the file, which beats the default', () => {
  const layers = [
    { source: 'flag' as const, given: { port: '1' } },
    { source: 'environment' as const, given: { port: '2', host: 'h2' } },
    { source: 'pelorus.config.yaml' as const, given: { port: '3', host: 'h3', logLevel: 'debug' } },
  ];
  const { settings, problems } = resolveSettings(layers);
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    port: { value: '1', source: 'flag' },
    host: { value: 'h2', source: 'environment' },
    logLevel: { value: 'debug', source: 'pelorus.config.yaml' },
    workerSlots: { value: '100', source: 'default' },
  });
});

test('the store is in the data directory unless it is named', () => {
  const inData = resolveSettings([{ source: 'flag', given: { data: '/d' } }]).settings.store;
  const named = resolveSettings([{ source: 'environment', given: { data: '/d', store: 'sqlite:/s/pelorus.db' } }])
    .settings.store;
  expect([inData.value, named.value]).toEqual(['sqlite:/d/pelorus.db', 'sqlite:/s/pelorus.db']);
});

test.each([
  ['port', '99999'],
  ['port', 'http'],
  ['server', '127.0.0.1:8080'],
  ['adminToken', 'short'],
  ['workerSlots', '0'],
  ['logLevel', 'loud'],
  ['store', 'mysql://user:secret@host/db'],
  ['store', 'postgres://user:secret@host'],
  ['listen', '127.0.0.1'],
  ['ops', '127.0.0.1:99999'],
  ['masters', 'ws://master:8090,master-2:8090'],
  ['masters', 'ws://user:secret@master:8090'],
  ['workerToken', `${'x'.repeat(32)},short`],
  ['opsToken', 'short'],
  ['masterLease', '1s'],
  ['drain', '8d'],
  ['workerName', 'two words'],
  ['dispatchSelector', 'best'],
  ['workerHeartbeat', '5h'],
  ['workerMaxLoad', 'high'],
  ['data', ' '],
] as const)('%s may not be %j', (name, value) => {
  const { problems } = resolveSettings([{ source: 'environment', given: { [name]: value } }]);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.where).toMatch(/^PELORUS_/);
  expect(problems[0]?.message).not.toContain('secret');
});

test('every default is acceptable', () => {
  const { settings } = resolveSettings([]);
  const given = Object.fromEntries(
    SETTING_NAMES.flatMap((name) => (settings[name].value === null ? [] : [[name, settings[name].value]])),
  );
  expect(resolveSettings([{ source: 'environment', given }]).problems).toEqual([]);
});

test('an unknown PELORUS_ name is told with the nearest known one; those of tasks and secrets in files are known', () => {
  expect(
    unknownEnvironmentNames([
      'PELORUS_NUMBER_OF_THINGS',
      'PELORUS_TOKN',
      'PELORUS_TOKEN_FILE',
      'PELORUS_RUN_ID',
      'PATH',
      'PELORUS_QQQQQQQQ',
    ]),
  ).toEqual([
    'PELORUS_NUMBER_OF_THINGS is not a setting of Pelorus',
    'PELORUS_TOKN is not a setting of Pelorus; did you mean PELORUS_TOKEN?',
    'PELORUS_QQQQQQQQ is not a setting of Pelorus',
  ]);
});

test('the file nests what shares its first word, and lists may be lists', () => {
  const { given, problems } = givenByConfigFile({
    port: 9000,
    worker: { slots: 4, groups: ['default', 'gpu'], maxLoad: -1 },
    adminToken: 'x',
    log: { level: 'warn' },
  });
  expect(problems).toEqual([]);
  expect(given).toEqual({
    port: '9000',
    workerSlots: '4',
    workerGroups: 'default,gpu',
    workerMaxLoad: '-1',
    adminToken: 'x',
    logLevel: 'warn',
  });
});

test('an unknown key of the file is a problem with the nearest known key', () => {
  const { problems } = givenByConfigFile({ worker: { slot: 4 } });
  expect(problems).toEqual([
    { where: 'worker.slot in pelorus.config.yaml', message: 'there is no such setting; did you mean worker.slots?' },
  ]);
});

test('addresses to listen on: with a name, an address of either kind, or all', () => {
  expect(['db:1', '[::1]:8090', ':8090', '127.0.0.1:0'].map((text) => parseListen(text))).toEqual([
    { host: 'db', port: 1 },
    { host: '::1', port: 8090 },
    { host: '0.0.0.0', port: 8090 },
    { host: '127.0.0.1', port: 0 },
  ]);
  expect(['8090', '::1:8090', 'http://db:1', 'db:'].map((text) => parseListen(text))).toEqual([null, null, null, null]);
});

test('of a store with a password everything else is shown', () => {
  const show = SETTINGS.store.shown;
  expect([
    show('postgres://u:geheim@db/p'),
    show('postgres://db/p?user=u&password=geheim'),
    show('sqlite:p.db'),
  ]).toEqual(['postgres://…@db/p', 'postgres://db/p?user=u&password=…', 'sqlite:p.db']);
});
