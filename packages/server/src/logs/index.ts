export * from './port.ts';
export { openDirectoryLogs, type DirectoryLogsOptions } from './directory-logs.ts';
export { openDatabaseLogs } from './database-logs.ts';
export { openObjectLogs } from './object-logs.ts';
export { createS3Client, type S3Client, type S3Options, type S3Place } from './s3-client.ts';
export { parseLogPlace, type LogPlace } from './place.ts';
export { startLogIntake, type LogIntake, type LogIntakeOptions, type LogsLog } from './intake.ts';
export { RETENTION_LIMITS, startLogRetention, type LogRetention, type LogRetentionOptions } from './retention.ts';
