export { importCrontab, type CrontabOptions } from './crontab.ts';
export { importDss, importDssFiles, type DssOptions } from './dss.ts';
export { dssFlowName, type DssSource } from './dss-file.ts';
export type { ImportedWorkflow, ImportOutcome, ImportProblem, ImportReportRow, ImportResult } from './report.ts';
