export { startFailureCode } from './failure.ts';
export { openTasks, readExitRecord } from './open-tasks.ts';
export type { AttachStreams, CreatedTask, RecoveredTask, Task, TaskRoom } from './types.ts';
