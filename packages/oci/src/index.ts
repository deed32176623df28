export * from './runtime-spec.ts';
