import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { completionScript } from './commands/completion.ts';
import { buildProgram } from './program.ts';

const host = {
  variables: {},
  directory: '/',
  readStdin: async () => '',
  now: () => 0,
  interrupt: () => new AbortController().signal,
};
const program = buildProgram(host);

function leaves(command: Command, path: string[] = []): { path: string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

test('every command has a description and an example that begins with its own name', () => {
  for (const { path, command } of leaves(program)) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(command.description(), path.join(' ')).not.toBe('');
    expect(help).toMatch(new RegExp(`Examples:\\n.*pelorus ${path.join(' ')}`, 's'));
  }
});

test.each(['bash', 'zsh', 'fish'] as const)('the completion of %s knows every command and flag', (shell) => {
  const script = completionScript(program, shell);
  for (const { path, command } of leaves(program)) {
    for (const word of path) expect(script).toContain(word);
    for (const option of command.options)
      expect(script).toContain(shell === 'fish' ? `-l ${option.long?.slice(2)}` : option.long);
  }
});
