import type { AuditQuery, AuditView } from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { writeListing, type Column } from '../output.ts';
import { durationFlag, openSession, relativeTo, wholeNumber, type Host } from '../session.ts';
import { instantText } from '../words.ts';

interface AuditFlags {
  user?: string;
  action?: string;
  project?: string;
  outcome?: AuditView['outcome'];
  since?: string;
  limit: number;
}

/** `pelorus audit` */
export function addAuditCommand(program: Command, host: Host): void {
  program
    .command('audit')
    .description('who changed what and who was refused, newest first; of a project for its owner')
    .option('--user <name>', 'only what this user did')
    .option('--action <operation>', 'only this operation of the API, e.g. putWorkflow')
    .option('--project <project>', 'only what was about this project')
    .addOption(new Option('--outcome <outcome>', 'only changes, or only refusals').choices(['done', 'refused']))
    .option('--since <duration>', 'only the last, e.g. 2h or 7d')
    .option('--limit <n>', 'how many at most', wholeNumber('--limit', 1), 50)
    .addHelpText(
      'after',
      examples(
        'pelorus audit --since 1d',
        'pelorus audit --project sales --user ann',
        'pelorus audit --outcome refused',
      ),
    )
    .action(async ({ since, ...flags }: AuditFlags, command: Command) => {
      const session = openSession(command, host);
      const after = since === undefined ? null : session.host.now() - durationFlag('--since', since);
      const query: AuditQuery = { ...flags, ...(after === null ? {} : { after: new Date(after).toISOString() }) };
      const { items } = await session.client.audit.list(query, session.signal);
      const columns: Column<AuditView>[] = [
        { title: 'WHEN', value: (row) => instantText(row.at, relativeTo(session)) },
        { title: 'USER', value: (row) => row.user ?? '-' },
        { title: 'BY', value: (row) => row.via },
        { title: 'FROM', value: (row) => row.address },
        { title: 'ACTION', value: (row) => row.action },
        {
          title: 'OUTCOME',
          value: (row) => outcomeText(row),
          tone: (row) => (row.outcome === 'done' ? 'good' : 'bad'),
        },
        { title: 'ABOUT', value: (row) => row.target },
      ];
      const listing = { rows: items, columns, name: (row: AuditView) => String(row.id), none: 'nothing' };
      writeListing(session.terminal.out, session.format, listing);
    });
}

function outcomeText({ outcome, code, times }: AuditView): string {
  if (outcome === 'done') return 'done';
  return `${code ?? 'refused'}${times > 1 ? ` ×${times}` : ''}`;
}
