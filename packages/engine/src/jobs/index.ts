export { type Job, type JobRoom, openJobs } from './open-jobs.ts';
export { SharedWork } from './shared-work.ts';
