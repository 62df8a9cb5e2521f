/** Every command of `pelorus`, put together. */
import { Command } from 'commander';
import { addAlertCommand } from './commands/alert.ts';
import { addApiCommand } from './commands/api.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addApplyCommand } from './commands/apply.ts';
import { addBackfillCommand } from './commands/backfill.ts';
import { addCalendarCommand } from './commands/calendar.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addConfigCommand } from './commands/config.ts';
import { addConnectionCommand } from './commands/connection.ts';
import { addDbCommand } from './commands/db.ts';
import { addDeadlineCommand } from './commands/deadline.ts';
import { addDevCommand } from './commands/dev.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEnvironmentCommand } from './commands/environment.ts';
import { addFileCommand } from './commands/file.ts';
import { addGroupCommand } from './commands/group.ts';
import { addImportCommand } from './commands/import.ts';
import { addLoginCommands } from './commands/login.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addMaintenanceCommand } from './commands/maintenance.ts';
import { addMasterCommand } from './commands/master.ts';
import { addProjectCommand } from './commands/project.ts';
import { addRunCommand } from './commands/run.ts';
import { addRunsCommand } from './commands/runs.ts';
import { addScheduleCommand } from './commands/schedule.ts';
import { addSecretCommand } from './commands/secret.ts';
import { addTaskCommand } from './commands/task.ts';
import { addTokenCommand } from './commands/token.ts';
import { addUserCommand } from './commands/user.ts';
import { addVersionCommand } from './commands/version.ts';
import { addWorkerCommand } from './commands/worker.ts';
import { addWorkerGroupCommand } from './commands/worker-group.ts';
import { addWorkflowCommand } from './commands/workflow.ts';
import { examples } from './examples.ts';
import { productVersion } from './product-version.ts';
import { addGlobalFlags, type Host } from './session.ts';

const COMMANDS = [
  addDevCommand,
  addRunCommand,
  addApplyCommand,
  addImportCommand,
  addLogsCommand,
  addRunsCommand,
  addTaskCommand,
  addScheduleCommand,
  addCalendarCommand,
  addMaintenanceCommand,
  addDeadlineCommand,
  addBackfillCommand,
  addWorkflowCommand,
  addWorkerCommand,
  addWorkerGroupCommand,
  addMasterCommand,
  addGroupCommand,
  addEnvironmentCommand,
  addAlertCommand,
  addProjectCommand,
  addSecretCommand,
  addConnectionCommand,
  addFileCommand,
  addUserCommand,
  addTokenCommand,
  addAuditCommand,
  addLoginCommands,
  addConfigCommand,
  addDbCommand,
  addDoctorCommand,
  addApiCommand,
  addCompletionCommand,
  addVersionCommand,
];

/** Throws `CommanderError` instead of ending the process; `main.ts` gives the exit code. */
export function buildProgram(host: Host): Command {
  const program = addGlobalFlags(new Command('pelorus'))
    .description('schedules and executes workflows')
    .version(productVersion(), '-V, --version', 'of this program')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError('(--help shows what there is)')
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText(
      'after',
      examples(
        'pelorus dev                                   everything in one process',
        'pelorus run seattle-weather --watch',
        'pelorus logs @latest',
        'pelorus runs list --state failed',
      ),
    );
  for (const add of COMMANDS) add(program, host);
  return program;
}
