/** Files and folders that may not be there yet. */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** Makes the folder when it is missing, which is found out by trying: mostly it is there. */
export async function openInFolder(file: string, flags: string | number): Promise<FileHandle> {
  const opened = await unlessMissing(open(file, flags, 0o640));
  if (opened !== null) return opened;
  await mkdir(path.dirname(file), { recursive: true });
  return open(file, flags, 0o640);
}

/** Null: there is no such file or folder. */
export async function unlessMissing<Value>(answer: Promise<Value>): Promise<Value | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}
