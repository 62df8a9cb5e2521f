export type { Mask } from '@pelorus/worker/secrets';
export * from './channel-secret.ts';
export * from './connection-url.ts';
export * from './keys.ts';
export * from './project-mask.ts';
export * from './project-vault.ts';
export * from './reseal.ts';
export * from './seal.ts';
