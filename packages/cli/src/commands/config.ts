import type { Command } from 'commander';
import { writeListing, type Column } from '../output.ts';
import { openSession, type Host } from '../session.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, type SettingRow, type Settings } from '../settings.ts';
import { examples } from '../examples.ts';

interface SettingLine {
  setting: string;
  environment: string;
  value: string | null;
  source: string;
}

/** `pelorus config view` */
export function addConfigCommand(program: Command, host: Host): void {
  program
    .command('config')
    .description('what is configured')
    .command('view')
    .description('every setting and its value; secrets are not shown')
    .option('--show-sources', 'also where each value comes from')
    .addHelpText(
      'after',
      examples('pelorus config view --show-sources', 'PELORUS_PORT=9000 pelorus config view -o json'),
    )
    .action((flags: { showSources?: boolean }, command: Command) => {
      const session = openSession(command, host);
      const columns: Column<SettingLine>[] = [
        { title: 'SETTING', value: (line) => line.setting },
        { title: 'VALUE', value: (line) => line.value ?? '-' },
        ...(flags.showSources === true ? [{ title: 'SOURCE', value: (line: SettingLine) => line.source }] : []),
        { title: 'ENVIRONMENT', value: (line) => line.environment },
      ];
      const rows = SETTING_NAMES.map((name) => settingLine(name, session.settings));
      writeListing(session.terminal.out, session.format, { rows, columns, name: (line) => line.setting, none: '' });
    });
}

function settingLine(name: SettingName, settings: Settings): SettingLine {
  const { value, source } = settings[name];
  const row: SettingRow = SETTINGS[name];
  const { path, environment, secret, shown = () => '(set)' } = row;
  return { setting: path.join('.'), environment, value: secret && value !== null ? shown(value) : value, source };
}
