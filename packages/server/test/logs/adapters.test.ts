import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatLogMeta, type AttemptId } from '@pelorus/protocol';
import {
  createS3Client,
  LogStoreError,
  openDatabaseLogs,
  openDirectoryLogs,
  openObjectLogs,
  type S3Options,
} from '../../src/logs/index.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import { logStoreContract, readOn, type LogPlaceUnderTest } from './contract.ts';
import { startS3Server, type S3TestServer } from './s3-server.ts';

const attempt = '7.0.1' as AttemptId;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'pelorus-log-store-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('logs in a directory', () => {
  let folder: string;
  let count = 0;
  beforeEach(() => {
    folder = path.join(scratch, `logs-${(count += 1)}`);
  });
  const open = async () => openDirectoryLogs({ folder, writtenInPlace: false });
  logStoreContract((): LogPlaceUnderTest => ({ open, openAgain: open }));

  test('a folder that cannot be written to is trouble of the place', async () => {
    await writeFile(folder, 'a file, not a folder');
    await expect(
      openDirectoryLogs({ folder, writtenInPlace: false }).append(attempt, 0, Buffer.from('x')),
    ).rejects.toThrow(LogStoreError);
  });

  test('what a worker writes there by itself is complete at any time; its gaps are the ones beside it', async () => {
    const logs = openDirectoryLogs({ folder, writtenInPlace: true });
    const file = path.join(folder, '7', '7.0.1.log');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'head');
    expect(await logs.stat(attempt)).toMatchObject({ size: 4, complete: true, gaps: [] });
    await appendFile(file, 'tail');
    await writeFile(`${file}.meta`, formatLogMeta({ gaps: [{ from: 4, to: 100, reason: 'limit' }], total: null }));
    expect(await logs.stat(attempt)).toMatchObject({ size: 104, complete: true });
    expect(await readOn(logs, attempt)).toBe('head');
    expect(await readOn(logs, attempt, 100)).toBe('tail');
  });
});

describe('logs in the database', () => {
  // What it must do besides is held against every kind of database, in the contract of stores.
  test('a store that is closed is trouble of the place', async () => {
    const closed = await openSqliteStore(path.join(scratch, 'closed'));
    await closed.close();
    const logs = openDatabaseLogs(closed);
    await expect(logs.append(attempt, 0, Buffer.from('x'))).rejects.toThrow(LogStoreError);
  });
});

describe('logs in an object store', () => {
  let server: S3TestServer;
  beforeEach(async () => {
    server = await startS3Server({ pageKeys: 3 });
  });
  afterEach(() => server.close());
  const clientOf = (more: Partial<S3Options> = {}) =>
    createS3Client({
      endpoint: server.endpoint,
      region: 'test-region-1',
      bucket: server.bucket,
      prefix: 'some/prefix/',
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
      retryMs: 1,
      ...more,
    });
  const open = async () => openObjectLogs(clientOf());
  logStoreContract((): LogPlaceUnderTest => ({ open, openAgain: open }));

  test('every key is below the prefix, and a small log is a chunk and an end', async () => {
    const logs = await open();
    await logs.append(attempt, 0, Buffer.from('hello\n'));
    await logs.append(attempt, 6, Buffer.from('world\n'));
    await logs.complete(attempt, 12);
    const folder = 'some/prefix/logs/0000000000000007/7.0.1/';
    expect(server.objects().map(([key, content]) => [key.replace(/-[\da-f]{8}$/, ''), content.toString()])).toEqual([
      [`${folder}c0000000000000000`, 'hello\nworld\n'],
      [`${folder}e0000000000000012`, ''],
    ]);
  });

  test('chunks have a bound, and lines do not become an object each', async () => {
    const logs = await open();
    await logs.append(attempt, 0, Buffer.alloc(2_500_000, 'x'));
    let at = 2_500_000;
    for (let n = 0; n < 200; n += 1) at = await logs.append(attempt, at, Buffer.alloc(1000, 'y'));
    const sizes = server.objects().map(([, content]) => content.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
    expect(sizes.length).toBeLessThan(10);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2_700_000);
  });

  test('failures that may pass are tried again, silently; others are not', async () => {
    const logs = await open();
    server.trouble(503, 2);
    expect(await logs.append(attempt, 0, Buffer.from('x'))).toBe(1);
    server.trouble('cut', 3);
    expect(await logs.append(attempt, 1, Buffer.from('y'))).toBe(2);
    const asked = server.requests.length;
    server.trouble(403);
    await expect(logs.append(attempt, 2, Buffer.from('z'))).rejects.toThrow(/answered 403 InternalError/);
    expect(server.requests.length).toBe(asked + 1);
    server.trouble(500, 4);
    await expect(logs.append(attempt, 2, Buffer.from('z'))).rejects.toThrow(LogStoreError);
    expect(await logs.append(attempt, 2, Buffer.from('z'))).toBe(3);
    expect(await readOn(await open(), attempt)).toBe('xyz');
  });

  test('a store that says nothing is given up after a while', async () => {
    const logs = openObjectLogs(clientOf({ requestTimeoutMs: 50, tries: 2 }));
    server.trouble('silence', 2);
    await expect(logs.stat(attempt)).rejects.toThrow(/it took too long/);
  });

  test('bytes that changed on the way are refused and not stored', async () => {
    const logs = openObjectLogs(clientOf({ tries: 1 }));
    await logs.stat(attempt);
    server.corruptNextBody();
    await expect(logs.append(attempt, 0, Buffer.from('precious'))).rejects.toThrow(/XAmzContentSHA256Mismatch/);
    expect(server.objects()).toEqual([]);
  });

  test('wrong keys, a wrong region and a bucket that there is not are told as such', async () => {
    const stat = (more: Partial<S3Options>) => openObjectLogs(clientOf(more)).stat(attempt);
    await expect(stat({ secretAccessKey: 'wrong' })).rejects.toThrow(/403 SignatureDoesNotMatch/);
    await expect(stat({ accessKeyId: 'nobody' })).rejects.toThrow(/403 InvalidAccessKeyId/);
    await expect(stat({ region: 'elsewhere' })).rejects.toThrow(/403 AuthorizationHeaderMalformed/);
    await expect(stat({ bucket: 'no-such-bucket' })).rejects.toThrow(/404 NoSuchBucket/);
    await server.close();
    await expect(stat({ tries: 1 })).rejects.toThrow(/does not answer/);
  });
});
