import { Argument, type Command } from 'commander';
import type { Host } from '../session.ts';
import { examples } from '../examples.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

interface CompletedCommand {
  /** Words after `pelorus`, e.g. `runs list`. */
  path: string;
  words: { word: string; describe: string }[];
}

/** `pelorus completion <shell>`: a script made from the commands as they are registered. */
export function addCompletionCommand(program: Command, _host: Host): void {
  program
    .command('completion')
    .description('a completion script for the shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'source <(pelorus completion bash)',
        'pelorus completion zsh > ~/.zfunc/_pelorus',
        'pelorus completion fish > ~/.config/fish/completions/pelorus.fish',
      ),
    )
    .action((shell: Shell) => void process.stdout.write(completionScript(program, shell)));
}

/** The script; asks `pelorus … list -o name` for the names of things. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = walk(program, '', []);
  if (shell === 'fish') return fishScript(commands);
  return shell === 'bash' ? bashScript(commands) : zshScript(commands);
}

function walk(command: Command, path: string, inherited: CompletedCommand['words']): CompletedCommand[] {
  const flags = command.options.map((option) => ({
    word: option.long ?? option.short ?? '',
    describe: option.description,
  }));
  const global = path === '' ? flags : inherited;
  const children = command.commands.map((child) => ({ word: child.name(), describe: child.description() }));
  const own: CompletedCommand = {
    path,
    words: [...children, ...flags, ...(path === '' ? [] : global), { word: '--help', describe: 'help' }],
  };
  return [own, ...command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`.trim(), global))];
}

/** Commands whose first argument is the name of something, and the command that lists those names. */
const NAMED_BY: Readonly<Record<string, string>> = {
  run: 'workflow list',
  'workflow get': 'workflow list',
  'workflow export': 'workflow list',
  'workflow history': 'workflow list',
  'workflow delete': 'workflow list',
  'workflow graph': 'workflow list',
  'backfill create': 'workflow list',
  'backfill get': 'backfill list',
  'backfill stop': 'backfill list',
  'backfill pause': 'backfill list',
  'backfill resume': 'backfill list',
  'backfill retry': 'backfill list',
  'schedule get': 'workflow list',
  'schedule create': 'workflow list',
  'schedule update': 'workflow list',
  'schedule delete': 'workflow list',
  'schedule online': 'workflow list',
  'schedule offline': 'workflow list',
  'schedule preview': 'workflow list',
  'schedule ticks': 'workflow list',
  'deadline list': 'workflow list',
  'deadline set': 'workflow list',
  'deadline delete': 'workflow list',
  'calendar get': 'calendar list',
  'calendar import': 'calendar list',
  'calendar delete': 'calendar list',
  'environment get': 'environment list',
  'environment set': 'environment list',
  'environment delete': 'environment list',
  'worker-group get': 'worker-group list',
  'worker-group set': 'worker-group list',
  'worker-group delete': 'worker-group list',
};

/** Shell text that writes the names; null: there are none to ask for. */
function namesFor(path: string): string | null {
  const list = NAMED_BY[path];
  return list === undefined ? null : `$(pelorus ${list} -o name 2>/dev/null)`;
}

function bashScript(commands: CompletedCommand[]): string {
  const cases = commands.map(({ path, words }) => {
    const names = namesFor(path);
    const all = [...words.map((one) => one.word), ...(names === null ? [] : [names])];
    return `    "${path}") words="${all.join(' ')}" ;;`;
  });
  return `# bash completion for pelorus: source <(pelorus completion bash)
_pelorus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${commands.map((one) => one.path).join(' ')} " in *" $word "*) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _pelorus pelorus
`;
}

/** zsh understands bash's completions. */
function zshScript(commands: CompletedCommand[]): string {
  return `#compdef pelorus\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
}

function fishScript(commands: CompletedCommand[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ path, words }) => {
    const seen =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    const entries = words.map(
      ({ word, describe }) =>
        `complete -c pelorus -n ${quoted(seen)} ${word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${quoted(word)}`} -d ${quoted(describe)}`,
    );
    const names = namesFor(path);
    return names === null
      ? entries
      : [...entries, `complete -c pelorus -n ${quoted(seen)} -f -a ${quoted(names.slice(1))}`];
  });
  return `# fish completion for pelorus\n${lines.join('\n')}\n`;
}
