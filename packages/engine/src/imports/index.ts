export { importCrontab, type CrontabOptions } from './crontab.ts';
export { importDolphinScheduler, type DsOptions } from './dolphinscheduler.ts';
export type { DsSource } from './dolphinscheduler-file.ts';
export { importDssFiles, type DssOptions } from './dss.ts';
export { dssFlowName, type DssSource } from './dss-file.ts';
export type { ImportedWorkflow, ImportOutcome, ImportProblem, ImportReportRow, ImportResult } from './report.ts';
