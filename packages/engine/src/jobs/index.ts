export { type Job, type JobDeps, type JobRecord, type JobRoom, openJobs } from './open-jobs.ts';
export { SharedWork } from './shared-work.ts';
