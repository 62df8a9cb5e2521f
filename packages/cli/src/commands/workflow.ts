import type {
  TaskDefinition,
  WorkflowDiff,
  WorkflowSummary,
  WorkflowVersionSummary,
  WorkflowView,
} from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { graphText, GRAPH_FORMATS, type GraphFormat } from '../graph-text.ts';
import { fieldsText, tableText, writeItem, writeListing, type Column } from '../output.ts';
import { listWorkflows, resolveWorkflow } from '../references.ts';
import { openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';
import { lintFiles } from '../lint-files.ts';
import { examples } from '../examples.ts';
import { addWorkflowImport } from './transfer.ts';

interface NameFlags {
  project?: string;
  workflowVersion?: number;
}

/** `pelorus workflow …` */
export function addWorkflowCommand(program: Command, host: Host): void {
  const workflow = program.command('workflow').description('list, look at, check and delete workflows');

  workflow
    .command('list')
    .description('every workflow')
    .option('--project <name>', 'only of this project')
    .addHelpText('after', examples('pelorus workflow list', 'pelorus workflow list -o name'))
    .action(async (flags: { project?: string }, command: Command) => listAll(openSession(command, host), flags));

  byName(
    workflow,
    host,
    'get',
    'what a workflow is made of',
    getWorkflow,
    'pelorus workflow get hello',
    'pelorus workflow get samples/hello -o json',
  );
  byName(
    workflow,
    host,
    'export',
    'the definition as it was written',
    exportWorkflow,
    'pelorus workflow export hello > hello.yaml',
  );
  addWorkflowImport(workflow, host);
  workflow
    .command('diff <workflow> [from] [to]')
    .description('what differs between two versions; by default the last two')
    .option('--project <name>', 'the project, when the name alone is in several')
    .addHelpText('after', examples('pelorus workflow diff hello', 'pelorus workflow diff samples/hello 3 5'))
    .action(
      async (written: string, from: string | undefined, to: string | undefined, flags: NameFlags, self: Command) =>
        showDiff(openSession(self, host), written, { from, to }, flags),
    );
  workflow
    .command('rollback <workflow> <version>')
    .description('save an earlier version as the latest')
    .option('--project <name>', 'the project, when the name alone is in several')
    .addHelpText('after', examples('pelorus workflow rollback samples/hello 3'))
    .action(async (written: string, version: string, flags: NameFlags, self: Command) =>
      rollback(openSession(self, host), written, version, flags),
    );
  byName(workflow, host, 'history', 'its versions', showHistory, 'pelorus workflow history hello');
  byName(
    workflow,
    host,
    'delete',
    'delete it; its runs stay readable',
    deleteWorkflow,
    'pelorus workflow delete samples/hello',
  );

  workflow
    .command('graph <workflow>')
    .description('what waits for what')
    .option('--project <name>', 'the project')
    .addOption(
      new Option('--as <form>', 'text, or source for Mermaid or Graphviz').choices(GRAPH_FORMATS).default('text'),
    )
    .addHelpText(
      'after',
      examples(
        'pelorus workflow graph seattle-weather',
        'pelorus workflow graph seattle-weather --as dot | dot -Tsvg > graph.svg',
      ),
    )
    .action(async (written: string, flags: NameFlags & { as: GraphFormat }, command: Command) => {
      const session = openSession(command, host);
      const view = await viewOf(session, written, flags);
      const edges = view.definition.tasks.map(({ name, needs }) => ({ name, needs }));
      writeItem(session.terminal.out, session.format, {
        value: edges,
        name: edges.map((edge) => edge.name).join('\n'),
        text: () => graphText(edges, flags.as),
      });
    });

  workflow
    .command('lint <path...>')
    .description('check definition files or folders of them, without a server')
    .addHelpText('after', examples('pelorus workflow lint flow.yaml', 'pelorus workflow lint ./workflows -o json'))
    .action(async (paths: string[], _flags: object, command: Command) => lintFiles(openSession(command, host), paths));
}

function byName(
  parent: Command,
  host: Host,
  name: string,
  describe: string,
  action: (session: Session, written: string, flags: NameFlags) => Promise<void>,
  ...shown: string[]
): void {
  const command = parent
    .command(`${name} <workflow>`)
    .description(describe)
    .option('--project <name>', 'the project, when the name alone is in several');
  if (name === 'get' || name === 'export')
    command.option('--workflow-version <n>', 'another version than the latest', wholeNumber('--workflow-version', 1));
  command
    .addHelpText('after', examples(...shown))
    .action(async (written: string, flags: NameFlags, self: Command) =>
      action(openSession(self, host), written, flags),
    );
}

async function viewOf(session: Session, written: string, flags: NameFlags): Promise<WorkflowView> {
  const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
  if (flags.workflowVersion === undefined) return session.client.workflows.get(project, workflow, session.signal);
  return session.client.workflows.version(project, workflow, flags.workflowVersion, session.signal);
}

async function listAll(session: Session, flags: { project?: string }): Promise<void> {
  const reference = relativeTo(session);
  const columns: Column<WorkflowSummary>[] = [
    { title: 'WORKFLOW', value: (one) => `${one.project}/${one.name}` },
    { title: 'VERSION', value: (one) => String(one.version) },
    { title: 'CHANGED', value: (one) => instantText(one.updatedAt, reference) },
    { title: 'BY', value: (one) => one.updatedBy },
    { title: 'DESCRIPTION', value: (one) => one.description },
  ];
  const rows = await listWorkflows(session.client, flags, session.signal);
  writeListing(session.terminal.out, session.format, {
    rows,
    columns,
    name: (one) => `${one.project}/${one.name}`,
    none: 'no workflows',
  });
}

async function getWorkflow(session: Session, written: string, flags: NameFlags): Promise<void> {
  const view = await viewOf(session, written, flags);
  const columns: Column<TaskDefinition>[] = [
    { title: 'TASK', value: (task) => task.name },
    { title: 'TYPE', value: (task) => task.action.type },
    { title: 'NEEDS', value: (task) => task.needs.join(', ') },
  ];
  writeItem(session.terminal.out, session.format, {
    value: view,
    name: `${view.project}/${view.name}`,
    text: (stream) =>
      `${workflowFields(view, relativeTo(session))}\n${tableText(stream, { rows: view.definition.tasks, columns })}`,
  });
}

function workflowFields(view: WorkflowView, reference: number | null): string {
  const params = Object.entries(view.definition.params).map(
    ([name, declared]) =>
      `${name}${declared.default === undefined ? (declared.required ? ' (required)' : '') : `=${declared.default}`}`,
  );
  return fieldsText([
    ['workflow', `${view.project}/${view.name}`],
    ['description', view.description],
    [
      'version',
      view.version === view.latestVersion ? String(view.version) : `${view.version} of ${view.latestVersion}`,
    ],
    ['saved', `${instantText(view.createdAt, reference)} by ${view.createdBy}`],
    ['hash', view.hash],
    ['tasks', String(view.taskCount)],
    ['params', params.join(', ')],
    ['files', view.files.map((file) => file.name).join(', ')],
  ]);
}

/** For a person and a file the text itself, byte for byte; json and yaml wrap it. */
async function exportWorkflow(session: Session, written: string, flags: NameFlags): Promise<void> {
  const view = await viewOf(session, written, flags);
  writeItem(session.terminal.out, session.format, {
    value: { project: view.project, name: view.name, version: view.version, format: view.format, source: view.source },
    name: `${view.project}/${view.name}`,
    text: () => view.source,
  });
}

async function showHistory(session: Session, written: string, flags: NameFlags): Promise<void> {
  const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
  const reference = relativeTo(session);
  const columns: Column<WorkflowVersionSummary>[] = [
    { title: 'VERSION', value: (one) => String(one.version) },
    { title: 'SAVED', value: (one) => instantText(one.createdAt, reference) },
    { title: 'BY', value: (one) => one.createdBy },
    { title: 'HASH', value: (one) => one.hash.slice(0, 12) },
  ];
  const { items } = await session.client.workflows.versions(project, workflow, session.signal);
  writeListing(session.terminal.out, session.format, {
    rows: items,
    columns,
    name: (one) => String(one.version),
    none: 'no versions',
  });
}

async function showDiff(
  session: Session,
  written: string,
  versions: { from: string | undefined; to: string | undefined },
  flags: NameFlags,
): Promise<void> {
  const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
  const given = (name: string, text: string | undefined) => (text === undefined ? null : wholeNumber(name, 1)(text));
  const latest =
    given('to', versions.to) ?? (await session.client.workflows.get(project, workflow, session.signal)).version;
  const from = given('from', versions.from) ?? Math.max(1, latest - 1);
  const diff = await session.client.workflows.diff(project, workflow, { from, to: latest }, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: diff,
    name: `${project}/${workflow}`,
    text: () => diffText(diff),
  });
}

function diffText({ from, to, text, tasks, settings, files }: WorkflowDiff): string {
  const lines = Object.entries({
    'tasks added': tasks.added,
    'tasks removed': tasks.removed,
    'tasks changed': tasks.changed,
    'settings changed': settings,
    'files added': files.added,
    'files removed': files.removed,
    'files changed': files.changed,
  }).flatMap(([what, names]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}\n`]));
  if (lines.length === 0 && text === '') return `versions ${from} and ${to} are the same\n`;
  return [...lines, text].join('');
}

async function rollback(session: Session, written: string, version: string, flags: NameFlags): Promise<void> {
  const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
  const number = wholeNumber('version', 1)(version);
  const saved = await session.client.workflows.rollback(project, workflow, number, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: saved,
    name: `${project}/${workflow}`,
    text: () =>
      saved.changed
        ? `${project}/${workflow}: version ${number} is the latest again, as version ${saved.version}\n`
        : `${project}/${workflow}: version ${saved.version} has that content already\n`,
  });
}

async function deleteWorkflow(session: Session, written: string, flags: NameFlags): Promise<void> {
  const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
  await session.client.workflows.delete(project, workflow, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: { project, name: workflow, deleted: true },
    name: `${project}/${workflow}`,
    text: () => `${project}/${workflow} deleted\n`,
  });
}
