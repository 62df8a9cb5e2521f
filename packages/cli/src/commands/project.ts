import type { MemberView, ProjectView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { fieldsText, writeItem, writeListing, type Column } from '../output.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';
import { permText } from './login.ts';
import { permission } from './token.ts';
import { addProjectTransfer } from './transfer.ts';

/** `pelorus project …` */
export function addProjectCommand(program: Command, host: Host): void {
  const parent = program.command('project').description('projects, and who may do what in them');
  addProjects(parent, host);
  addProjectTransfer(parent, host);
  addMembers(parent, host);
}

function addProjects(parent: Command, host: Host): void {
  parent
    .command('list')
    .description('the projects that you may read')
    .addHelpText('after', examples('pelorus project list', 'pelorus project list -o name'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.projects.list(session.signal);
      const columns: Column<ProjectView>[] = [
        { title: 'PROJECT', value: (project) => project.name },
        { title: 'OWNER', value: (project) => project.owner },
        { title: 'CREATED', value: (project) => instantText(project.createdAt, relativeTo(session)) },
        { title: 'DESCRIPTION', value: (project) => project.description },
      ];
      const listing = { rows: items, columns, name: (project: ProjectView) => project.name, none: 'no projects' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('get <project>')
    .description('one project')
    .addHelpText('after', examples('pelorus project get sales'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      showProject(session, await session.client.projects.get(name, session.signal));
    });

  parent
    .command('create <project>')
    .description('create a project, which is yours, or change the description of one')
    .option('--description <text>', 'what it is for')
    .addHelpText('after', examples('pelorus project create sales --description "What the shops sell"'))
    .action(async (name: string, flags: { description?: string }, command: Command) => {
      const session = openSession(command, host);
      showProject(session, await session.client.projects.put(name, flags, session.signal));
    });

  parent
    .command('delete <project>')
    .description('delete a project without workflows and runs in progress')
    .addHelpText('after', examples('pelorus project delete sales'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.projects.delete(name, session.signal);
      const text = (): string => `project ${name} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });

  parent
    .command('owner <project> <user>')
    .description('hand a project over to another user; the owner so far stays as an editor')
    .addHelpText('after', examples('pelorus project owner sales ann'))
    .action(async (name: string, user: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      showProject(session, await session.client.projects.setOwner(name, user, session.signal));
    });
}

function showProject(session: Session, project: ProjectView): void {
  const text = (): string =>
    fieldsText([
      ['project', project.name],
      ['owner', project.owner],
      ['description', project.description],
      ['created', instantText(project.createdAt, relativeTo(session))],
    ]);
  writeItem(session.terminal.out, session.format, { value: project, name: project.name, text });
}

function addMembers(parent: Command, host: Host): void {
  const members = parent.command('member').description('members of a project: viewers, operators, editors');

  members
    .command('list <project>')
    .description('the owner and the members')
    .addHelpText('after', examples('pelorus project member list sales'))
    .action(async (project: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.projects.members(project, session.signal);
      const columns: Column<MemberView>[] = [
        { title: 'USER', value: (member) => member.user },
        { title: 'ROLE', value: (member) => member.role ?? '-' },
        { title: 'MAY', value: (member) => permText(member.perm) },
        { title: 'ADDED', value: (member) => instantText(member.addedAt, relativeTo(session)) },
        { title: 'BY', value: (member) => member.addedBy },
      ];
      const listing = { rows: items, columns, name: (member: MemberView) => member.user, none: 'no members' };
      writeListing(session.terminal.out, session.format, listing);
    });

  members
    .command('set <project> <user> <role>')
    .description('make a user a viewer, operator or editor of a project; or give bits from 1 to 7')
    .addHelpText('after', examples('pelorus project member set sales ann editor'))
    .action(async (project: string, user: string, role: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const body = { perm: permission(role) };
      const member = await session.client.projects.putMember(project, user, body, session.signal);
      const text = (): string => `${user} is ${member.role ?? permText(member.perm)} in ${project}\n`;
      writeItem(session.terminal.out, session.format, { value: member, name: user, text });
    });

  members
    .command('remove <project> <user>')
    .description('take a member out of a project')
    .addHelpText('after', examples('pelorus project member remove sales ann'))
    .action(async (project: string, user: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.projects.deleteMember(project, user, session.signal);
      const text = (): string => `${user} is no member of ${project} any more\n`;
      writeItem(session.terminal.out, session.format, { value: { project, user, removed: true }, name: user, text });
    });
}
