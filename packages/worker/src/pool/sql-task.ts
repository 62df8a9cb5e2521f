/**
 * `sql` attempts: preStatements, the task's own text and postStatements on one connection. Rows of the last result
 * are printed to the log as a table; its first row becomes the outputs.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { SqlAction } from '@pelorus/protocol';
import { outputText } from '../outputs.ts';
import { substituteWorkDir } from '../task-environment.ts';
import type { CallContext } from './call-context.ts';
import { cancelStatement, openSqlSession, type SqlResult, type SqlSession } from './sql-sessions.ts';
import { fillRaw, splitStatements, type SqlDialect, type SqlStatement } from './sql-text.ts';
import { describeError, failedTask, invalidTask } from './task-failure.ts';

export { cancelStatement } from './sql-sessions.ts';

/** Columns of the printed table are cut at this many characters. */
const CELL_CHARACTERS = 60;

/** Runs all statements; resolves with the first row of the last result that has rows. */
export async function runSql(call: CallContext, action: SqlAction): Promise<Record<string, unknown>> {
  const { connection } = call.spec;
  if (!connection) throw invalidTask(`the connection ${JSON.stringify(action.connection)} is not known`);
  const plan = planStatements(call, action, connection.kind);
  const session = await openSqlSession(call, connection);
  if (session.handle) await call.storeHandle(session.handle);
  const cancel = (): void => void cancelSession(call, session);
  call.signal.addEventListener('abort', cancel, { once: true });
  try {
    call.signal.throwIfAborted();
    const last = await executeAll(call, session, plan, Math.max(1, action.maxRows));
    return last ? firstRow(last) : {};
  } finally {
    call.signal.removeEventListener('abort', cancel);
    await session.close();
  }
}

function planStatements(call: CallContext, action: SqlAction, dialect: SqlDialect): SqlStatement[] {
  const texts = [...action.preStatements, mainText(call, action), ...action.postStatements];
  const params = call.spec.params;
  return texts.flatMap((text) => splitStatements(fillRaw(withWorkDir(call, text), params, action.raw), dialect));
}

function mainText(call: CallContext, action: SqlAction): string {
  if (action.run !== null) return action.run;
  if (action.file === null) throw invalidTask('the task has neither a text nor a file to run');
  try {
    return readFileSync(isAbsolute(action.file) ? action.file : join(call.workDir, action.file), 'utf8');
  } catch (error) {
    throw invalidTask(`${action.file} cannot be read: ${(error as Error).message}`);
  }
}

function withWorkDir(call: CallContext, text: string): string {
  return text.includes('${system.task.execute.path}') ? substituteWorkDir(text, call.workDir) : text;
}

async function executeAll(
  call: CallContext,
  session: SqlSession,
  plan: SqlStatement[],
  maxRows: number,
): Promise<SqlResult | null> {
  let last: SqlResult | null = null;
  for (const [index, statement] of plan.entries()) {
    const startedAt = performance.now();
    const result = await session.execute(statement, call.spec.params, maxRows).catch((error: Error) => {
      throw error.name === 'TaskFailure'
        ? error
        : failedTask(`statement ${index + 1} of ${plan.length}: ${error.message}`);
    });
    call.signal.throwIfAborted();
    const tookMs = Math.round(performance.now() - startedAt);
    const what = result.columns.length > 0 ? 'row(s)' : 'row(s) changed';
    call.log.line(`statement ${index + 1} of ${plan.length}: ${result.rowCount} ${what} in ${tookMs} ms`);
    if (result.columns.length > 0) last = result;
  }
  if (last) call.log.write(tableText(call, last));
  return last;
}

async function cancelSession(call: CallContext, session: SqlSession): Promise<void> {
  if (!session.handle) return;
  await cancelStatement(session.handle, call.spec.killGraceMs).catch((error: unknown) =>
    call.log.line(`the statement could not be cancelled: ${describeError(error)}`),
  );
}

function firstRow({ columns, rows }: SqlResult): Record<string, unknown> {
  const row = rows[0];
  return row ? Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])) : {};
}

function tableText(call: CallContext, { columns, rows, rowCount }: SqlResult): string {
  const cells = [columns, ...rows.map((row) => row.map((value) => cellText(call, value)))];
  const widths = columns.map((_name, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' | ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('-+-'));
  const more = rowCount > rows.length ? `(${rowCount - rows.length} more row(s) not shown)\n` : '';
  return `${lines.join('\n')}\n${more}`;
}

function cellText(call: CallContext, value: unknown): string {
  const whole = value === null || value === undefined ? 'NULL' : call.showable(outputText(value));
  const text = whole.replaceAll(/[\r\n\t]/g, ' ');
  return text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS - 1)}…` : text;
}
