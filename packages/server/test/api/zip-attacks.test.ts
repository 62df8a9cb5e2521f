/** Archives made to hurt: every one is refused, in bounded time and memory, and leaves nothing behind. */
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowSummary, WorkflowView } from '@pelorus/protocol';
import { unpackZip } from '../../src/api/zip.ts';
import { ApiFailure } from '../../src/api/problem.ts';
import { DIAMOND, openApi, type ApiUnderTest } from './api-under-test.ts';
import { zipOf, type ZipEntry } from './zip-builder.ts';

const MIB = 1024 * 1024;
const WORKFLOW: ZipEntry = {
  name: 'workflow.json',
  content: '{"nodes":[{"name":"n","type":"SHELL","parameter":{"script":"true"},"dep":[]}]}',
  deflate: true,
};
const zeros = (bytes: number) => Buffer.alloc(bytes);
const file = (name: string | Buffer, more: Partial<ZipEntry> = {}): ZipEntry => ({ name, content: 'x', ...more });
const zip64Sizes = (size: bigint, compressed: bigint) => {
  const field = Buffer.alloc(20);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(16, 2);
  field.writeBigUInt64LE(size, 4);
  field.writeBigUInt64LE(compressed, 12);
  return field;
};
/** Entry `x` whose name is really `workflow2`, in the field that some readers believe. */
const otherName = (name: string) => {
  const given = Buffer.alloc(9);
  given.writeUInt16LE(0x7075, 0);
  given.writeUInt8(1, 4);
  given.writeUInt32LE(crc32('x'), 5);
  given.writeUInt16LE(5 + Buffer.byteLength(name), 2);
  return Buffer.concat([given, Buffer.from(name)]);
};

/** A directory of so many entries, all of one empty file, as small as can be. */
function millionEntries(count: number): Buffer {
  const one = zipOf([file('a', { content: '' })]);
  const record = one.subarray(one.length - 22 - 47, one.length - 22);
  const records = Buffer.alloc(record.length * count);
  for (let at = 0; at < count; at += 1) record.copy(records, at * record.length);
  return records;
}

function millionZip(claimed: number): Buffer {
  const head = zipOf([file('a', { content: '' })]);
  const records = millionEntries(1_000_000);
  const directoryOffset = head.length - 22 - 47;
  const tail = zipOf([], {
    prefix: Buffer.alloc(0),
    entryCount: 0xffff,
    directorySize: 0xffffffff,
    directoryOffset: 0xffffffff,
    zip64: {
      entryCount: claimed,
      directorySize: records.length,
      directoryOffset,
      at: directoryOffset + records.length,
    },
  });
  return Buffer.concat([head.subarray(0, directoryOffset), records, tail]);
}

/** The data of `a` is the whole of `b`, which the directory names as well. */
function overlapping(): Buffer {
  const plain = zipOf([file('b')]);
  const record = plain.subarray(0, plain.indexOf('PK\x01\x02', 0, 'latin1'));
  const head = zipOf([WORKFLOW]).indexOf('PK\x01\x02', 0, 'latin1');
  return zipOf([WORKFLOW, file('a', { content: record }), file('b', { claimedOffset: head + 30 + 1 })]);
}

const nested = zipOf([
  file('inner.zip', { content: zipOf([file('zeros', { content: zeros(4 * MIB), deflate: true })]), deflate: true }),
]);

const ATTACKS: [string, () => Buffer, RegExp][] = [
  [
    'a bomb',
    () => zipOf([WORKFLOW, file('b', { content: zeros(32 * MIB), deflate: true })]),
    /inflates more than 200 times/,
  ],
  [
    'a bomb of many small parts',
    () =>
      zipOf([
        WORKFLOW,
        ...Array.from({ length: 90 }, (_, at) => file(`b${at}`, { content: zeros(MIB - 1), deflate: true })),
      ]),
    /bytes together, more than 67108864/,
  ],
  [
    'a bomb that says it is small',
    () => zipOf([WORKFLOW, file('b', { content: zeros(32 * MIB), deflate: true, claimedSize: 10 })]),
    /inflates to more than it says/,
  ],
  [
    'a bomb whose size is 2^40 in 64 bits',
    () => zipOf([WORKFLOW, file('b', { deflate: true, claimedSize: 0xffffffff, extra: zip64Sizes(2n ** 40n, 3n) })]),
    /is larger than/,
  ],
  ['a file within another', overlapping, /overlaps/],
  [
    'a file that is smaller than it says',
    () => zipOf([WORKFLOW, file('b', { deflate: true, claimedSize: 100 })]),
    /has 1 bytes, not 100/,
  ],
  [
    'a file whose bytes are not those of its checksum',
    () => zipOf([WORKFLOW, file('b', { claimedCrc: 1 })]),
    /checksum/,
  ],
  [
    'something behind the end of a file',
    () => zipOf([WORKFLOW, file('b', { deflate: true, trailing: Buffer.from('hidden') })]),
    /something behind its end/,
  ],
  [
    'bytes that cannot be inflated',
    () => zipOf([WORKFLOW, file('b', { method: 8, content: Buffer.from([0xff, 0xff, 0xff]) })]),
    /cannot be inflated/,
  ],
  ['`..`', () => zipOf([WORKFLOW, file('../b')]), /\.\.\/b/],
  ['`..` within', () => zipOf([WORKFLOW, file('a/../../b')]), /a\/\.\.\/\.\.\/b/],
  ['`.` within', () => zipOf([WORKFLOW, file('a/./b')]), /leaves its folder/],
  ['an empty step', () => zipOf([WORKFLOW, file('a//b')]), /leaves its folder/],
  ['an absolute path', () => zipOf([WORKFLOW, file('/etc/cron.d/x')]), /absolute path/],
  ['a backslash', () => zipOf([WORKFLOW, file('a\\b')]), /invalid characters/],
  ['a drive letter', () => zipOf([WORKFLOW, file('C:x')]), /absolute path/],
  ['a colon', () => zipOf([WORKFLOW, file('list.txt:stream')]), /colon/],
  ['a name in another field', () => zipOf([WORKFLOW, file('x', { extra: otherName('../../x') })]), /\.\.\/\.\.\/x/],
  ['a symbolic link', () => zipOf([WORKFLOW, file('l', { content: '/etc/passwd', mode: 0o120777 })]), /is a link/],
  [
    'a symbolic link made "by DOS"',
    () => zipOf([WORKFLOW, file('l', { content: '/etc/passwd', mode: 0o120777, madeBy: 0 })]),
    /is a link/,
  ],
  ['a folder that is a link', () => zipOf([WORKFLOW, file('l/', { content: '', mode: 0o120777 })]), /is a link/],
  ['a block device', () => zipOf([WORKFLOW, file('d', { content: '', mode: 0o060666 })]), /a device/],
  ['a character device', () => zipOf([WORKFLOW, file('d', { content: '', mode: 0o020666 })]), /a device/],
  ['a pipe', () => zipOf([WORKFLOW, file('d', { content: '', mode: 0o010666 })]), /a device/],
  ['a socket', () => zipOf([WORKFLOW, file('d', { content: '', mode: 0o140666 })]), /a device/],
  ['two files of one name', () => zipOf([WORKFLOW, file('b'), file('b')]), /"b" is there twice/],
  ['a second workflow.json', () => zipOf([WORKFLOW, WORKFLOW]), /"workflow.json" is there twice/],
  [
    'names that differ in case',
    () => zipOf([WORKFLOW, file('Data.csv'), file('data.CSV')]),
    /"Data.csv" and "data.CSV" have one name/,
  ],
  ['a second WORKFLOW.JSON', () => zipOf([WORKFLOW, file('WORKFLOW.JSON')]), /have one name/],
  [
    'names that differ in how a letter is composed',
    () => zipOf([WORKFLOW, file('caf\u00e9'), file('cafe\u0301')]),
    /have one name/,
  ],
  ['names that differ in a ligature', () => zipOf([WORKFLOW, file('\ufb01le'), file('file')]), /have one name/],
  ['names that differ in ß', () => zipOf([WORKFLOW, file('stra\u00dfe'), file('STRASSE')]), /have one name/],
  ['a file that is a folder', () => zipOf([WORKFLOW, file('a'), file('a/b')]), /both a file and a folder/],
  [
    'a file that is a folder in another case',
    () => zipOf([WORKFLOW, file('A'), file('a/b')]),
    /both a file and a folder/,
  ],
  ['NUL in a name', () => zipOf([WORKFLOW, file('a\0b')]), /not text/],
  ['a line end in a name', () => zipOf([WORKFLOW, file('a\nb')]), /not text/],
  ['an escape in a name', () => zipOf([WORKFLOW, file('a\u001b[31m')]), /not text/],
  ['a C1 control in a name', () => zipOf([WORKFLOW, file('a\u0085b')]), /not text/],
  ['a name shown backwards', () => zipOf([WORKFLOW, file('a\u202egpj.sh')]), /not text/],
  ['a name that is not UTF-8', () => zipOf([WORKFLOW, file(Buffer.from([0x61, 0xff, 0xfe]))]), /not text/],
  ['a name without an end', () => zipOf([WORKFLOW, file('a'.repeat(256))]), /longer than 255/],
  ['no name', () => zipOf([WORKFLOW, file('')]), /empty/],
  [
    'an encrypted entry',
    () => zipOf([WORKFLOW, file('e', { flags: 0x0801, claimedSize: 0, content: Buffer.alloc(12) })]),
    /encrypted/,
  ],
  ['a strongly encrypted entry', () => zipOf([WORKFLOW, file('e', { flags: 0x0841 })]), /encryption/],
  ['a method that nobody knows', () => zipOf([WORKFLOW, file('m', { method: 99 })]), /method 99/],
  ['another name before the data', () => zipOf([WORKFLOW, file('good', { headerName: '../b' })]), /another header/],
  ['another method before the data', () => zipOf([WORKFLOW, file('a', { headerMethod: 8 })]), /another header/],
  ['encrypted only before the data', () => zipOf([WORKFLOW, file('a', { headerFlags: 0x0801 })]), /another header/],
  [
    'fewer entries than there are',
    () => zipOf([WORKFLOW, file('a'), file('hidden')], { entryCount: 2 }),
    /does not end where it should/,
  ],
  ['more entries than there are', () => zipOf([WORKFLOW], { entryCount: 3 }), /cannot be read/],
  ['a directory smaller than it is', () => zipOf([WORKFLOW], { directorySize: 10 }), /another size/],
  ['a directory that is elsewhere', () => zipOf([WORKFLOW], { directoryOffset: 4_000_000_000 }), /cannot be read/],
  [
    'something behind the directory',
    () => zipOf([WORKFLOW], { gap: Buffer.from('hidden') }),
    /does not end where it should/,
  ],
  ['an end within the comment', () => zipOf([WORKFLOW], { comment: zipOf([file('other')]) }), /cannot be read/],
  ['something behind the end', () => Buffer.concat([zipOf([WORKFLOW]), Buffer.from('more')]), /cannot be read/],
  ['a 64-bit end that says otherwise', () => zipOf([WORKFLOW], { zip64: { entryCount: 0 } }), /does not end|speaks of/],
  [
    '2^53 entries in 64 bits',
    () => zipOf([WORKFLOW], { zip64: { entryCount: 2 ** 53 } }),
    /9007199254740992 entries, more than [15]000/,
  ],
  ['a directory at 2^60', () => zipOf([WORKFLOW], { zip64: { directoryOffset: 2 ** 60 } }), /cannot be read/],
  ['a 64-bit end at 2^60', () => zipOf([WORKFLOW], { zip64: { at: 2 ** 60 } }), /cannot be read/],
  [
    'a 64-bit size that is not there',
    () => zipOf([WORKFLOW, file('b', { deflate: true, claimedSize: 0xffffffff, extra: Buffer.from([1, 0, 0, 0]) })]),
    /does not include uncompressed size/,
  ],
  [
    'an extra field that is cut off',
    () => zipOf([WORKFLOW, file('b', { extra: Buffer.from([1, 0, 200, 0]) })]),
    /extra field/,
  ],
  ['a million entries', () => millionZip(1_000_000), /1000000 entries, more than [15]000/],
  ['a million entries that say they are one', () => millionZip(1), /does not end where it should/],
  ['cut off in its end', () => zipOf([WORKFLOW]).subarray(0, -5), /cannot be read/],
  ['cut off in its directory', () => zipOf([WORKFLOW, file('a')]).subarray(0, -60), /cannot be read/],
  ['nothing but an end', () => zipOf([]), /holds no workflow.json/],
  ['a zip within a zip, without a workflow', () => nested, /holds no workflow.json/],
];

let api: ApiUnderTest;
beforeAll(async () => {
  api = await openApi();
  await api.save('samples', 'diamond', DIAMOND);
});

let count = 0;
function direct(zip: Buffer, workflowName: string) {
  const field = (name: string, value: string) =>
    Buffer.from(`--X\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const body = Buffer.concat([
    field('projectName', 'samples'),
    field('workflowName', workflowName),
    field('proxyUser', 'u'),
    field('queue', 'q'),
    Buffer.from(
      '--X\r\ncontent-disposition: form-data; name="file"; filename="w.zip"\r\ncontent-type: application/zip\r\n\r\n',
    ),
    zip,
    Buffer.from('\r\n--X--\r\n'),
  ]);
  return api.call<{ code: string; message: string }>('POST', '/executors/direct', {
    headers: { 'content-type': 'multipart/form-data; boundary=X' },
    body,
  });
}

/** As definitions to import it is no better; without `workflow.json` it is only one without definitions. */
async function expectImportRefused(zip: Buffer, reason: RegExp): Promise<void> {
  const { status, body } = await api.call('POST', '/projects/samples/import', {
    headers: { 'content-type': 'application/zip' },
    body: zip,
  });
  const isEmpty = reason.source.includes('holds no');
  expect({ status, code: body.code }, body.message).toEqual(
    isEmpty ? { status: 400, code: 'MALFORMED_BODY' } : { status: 422, code: 'UNSAFE_ARCHIVE' },
  );
  expect(body.message).toMatch(isEmpty ? /holds no definition/ : reason);
}

/** What there is: files where something could have been put by a name of the attacks, and what the store says. */
async function everything() {
  const [here, temporary, folder] = await Promise.all([
    readdir('.'),
    readdir(tmpdir()),
    readdir(api.folder, { recursive: true }),
  ]);
  const { total: runs } = await api.store.listRuns({}, 0, 10);
  const projects = await api.store.listProjects();
  const workflows = await api.call<{ items: WorkflowSummary[] }>('GET', '/workflows');
  return {
    // Where tests of the console, which may run now, put pictures.
    here: here.filter((name) => name !== 'test-artefacts').toSorted(),
    temporary: temporary.filter((name) => /^[a-z]{1,2}$/.test(name)).toSorted(),
    folder: folder.filter((name) => !/-(wal|shm)$/.test(name)).toSorted(),
    projects: projects.map((row) => row.name),
    workflows: workflows.body.items.map((row) => row.name),
    runs,
  };
}

describe('an upload that is', () => {
  test.each(ATTACKS)('%s is refused, with nothing left of it', async (_name, zip, reason) => {
    const bytes = zip();
    const before = await everything();
    const workflowName = `attack_${(count += 1)}`;
    const residentBefore = process.memoryUsage().rss;
    const cpuBefore = process.cpuUsage();
    const { status, body } = await direct(bytes, workflowName);
    const cpu = process.cpuUsage(cpuBefore);
    expect({ status, code: body.code }, body.message).toEqual({ status: 422, code: 'UNSAFE_ARCHIVE' });
    expect(body.message).toMatch(reason);
    expect(await everything()).toEqual(before);
    expect(await api.store.getWorkflow('samples', workflowName)).toBeNull();
    await expectImportRefused(bytes, reason);
    expect(await everything()).toEqual(before);
    // Generous, for slow machines: such an upload takes milliseconds, and copies of itself only.
    expect((cpu.user + cpu.system) / 1000).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - residentBefore).toBeLessThan(64 * MIB + 8 * bytes.length);
  });
});

test('what zip programs write is taken: 64-bit ends, sizes behind the data, comments, zips within', async () => {
  const inner = zipOf([file('zeros', { content: zeros(4 * MIB), deflate: true })]);
  const { status, text } = await direct(
    zipOf(
      [
        WORKFLOW,
        file('inner.zip', { content: inner }),
        file('lib/', { content: '', mode: 0o040755 }),
        file('lib/ü ß.txt'),
      ],
      {
        zip64: {},
        comment: Buffer.from('made by hand'),
      },
    ),
    'fine',
  );
  expect(status, text).toBe(201);
  const { body } = await api.call<WorkflowView>('GET', '/projects/samples/workflows/fine');
  expect(body.files.map((each) => each.name)).toEqual(['inner.zip', 'lib/ü ß.txt']);
});

test('whatever is changed in a zip: it is unpacked or refused, and the process lives', async () => {
  const seeds = [
    zipOf([WORKFLOW, file('a/b'), file('c', { content: 'c'.repeat(500), deflate: true })]),
    zipOf([WORKFLOW, file('a', { deflate: true, extra: zip64Sizes(1n, 3n) })], {
      zip64: {},
      comment: Buffer.from('PK\x05\x06', 'latin1'),
    }),
    zipOf([WORKFLOW, file('x', { extra: otherName('y') })]),
  ];
  const change = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.option(fc.nat(), { freq: 5 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(seeds.length - 1),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      async (which, changes) => {
        let bytes = Buffer.from(seeds[which] ?? []);
        for (const { at, value, cut } of changes) {
          // Numbers and marks of the structure stand in the second half.
          bytes[bytes.length - 1 - (at % bytes.length)] = value;
          if (cut !== null) bytes = bytes.subarray(0, cut % bytes.length);
          if (bytes.length === 0) break;
        }
        const outcome = await unpackZip(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ApiFailure);
      },
    ),
    { numRuns: Number(process.env['PELORUS_FUZZ_RUNS'] ?? 2000) },
  );
});
