export * from './vocabulary.ts';
export * from './definition/index.ts';
