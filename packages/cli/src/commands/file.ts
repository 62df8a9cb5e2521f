import type { ProjectFileView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { allPages } from '../pages.ts';
import { projectOption, type ProjectFlags } from '../project-option.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

/** `pelorus file …` */
export function addFileCommand(program: Command, host: Host): void {
  const parent = program
    .command('file')
    .description('files of a project, for every workflow of it; runs keep what was there when they were submitted');

  parent
    .command('list')
    .description('files by path')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus file list --project sales'))
    .action(async (flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      const rows = await allPages((query) => session.client.files.list(flags.project, query, session.signal));
      const columns: Column<ProjectFileView>[] = [
        { title: 'PATH', value: (file) => file.path },
        { title: 'BYTES', value: (file) => String(file.sizeBytes) },
        { title: 'SHA-256', value: (file) => file.sha256.slice(0, 12) },
        { title: 'CHANGED', value: (file) => instantText(file.updatedAt, relativeTo(session)) },
        { title: 'BY', value: (file) => file.updatedBy },
      ];
      const listing = { rows, columns, name: (file: ProjectFileView) => file.path, none: 'no files' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('put <file>')
    .description('upload a file')
    .addOption(projectOption())
    .option('--path <path>', 'under which tasks name it; default: the name of the file')
    .addHelpText(
      'after',
      examples('pelorus file put load.sql --project sales', 'pelorus file put ./x.sh --project sales --path lib/x.sh'),
    )
    .action(async (file: string, flags: ProjectFlags & { path?: string }, command: Command) => {
      const session = openSession(command, host);
      const path = flags.path ?? basename(file);
      const put = await session.client.files.put(flags.project, path, await readBytes(session, file), {
        signal: session.signal,
      });
      const text = (): string => `file ${put.path} of ${flags.project}: ${put.sizeBytes} bytes, sha256 ${put.sha256}\n`;
      writeItem(session.terminal.out, session.format, { value: put, name: put.path, text });
    });

  parent
    .command('get <path>')
    .description('download a file; without --to its bytes go to standard output')
    .addOption(projectOption())
    .option('--to <file>', 'write it there')
    .addHelpText(
      'after',
      examples('pelorus file get load.sql --project sales', 'pelorus file get lib/x.sh --project sales --to x.sh'),
    )
    .action(async (path: string, flags: ProjectFlags & { to?: string }, command: Command) => {
      const session = openSession(command, host);
      const bytes = await session.client.files.get(flags.project, path, session.signal);
      if (flags.to === undefined) process.stdout.write(bytes);
      else await writeFile(resolve(session.host.directory, flags.to), bytes);
    });

  parent
    .command('delete <path>')
    .description('delete a file; runs that were submitted before keep it')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus file delete load.sql --project sales'))
    .action(async (path: string, flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      await session.client.files.delete(flags.project, path, { signal: session.signal });
      const text = (): string => `file ${path} of ${flags.project} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { path, deleted: true }, name: path, text });
    });
}

async function readBytes({ host }: Session, file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(resolve(host.directory, file)));
  } catch (cause) {
    throw new Failure(
      {
        exitCode: EXIT.notFound,
        what: `${file} cannot be read`,
        why: cause instanceof Error ? cause.message : String(cause),
      },
      { cause },
    );
  }
}
