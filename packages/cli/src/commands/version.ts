import type { Command } from 'commander';
import { writeItem } from '../output.ts';
import { productVersion } from '../product-version.ts';
import { openSession, type Host } from '../session.ts';
import { examples } from '../examples.ts';

/** `pelorus version`: of this program; `pelorus doctor` names the server's. */
export function addVersionCommand(program: Command, host: Host): void {
  program
    .command('version')
    .description('version of this program and of its runtime')
    .addHelpText('after', examples('pelorus version', 'pelorus version -o json'))
    .action((_flags: object, command: Command) => {
      const session = openSession(command, host);
      const version = productVersion();
      writeItem(session.terminal.out, session.format, {
        value: { version, node: process.version, platform: `${process.platform}-${process.arch}` },
        name: version,
        text: () => `pelorus ${version} (node ${process.version}, ${process.platform}-${process.arch})\n`,
      });
    });
}
