export { startFailureCode } from './failure.ts';
export { openTasks, type TaskDeps } from './open-tasks.ts';
export type { AttachStreams, CreatedTask, EarlyAttach, RecoveredTask, StartedTask, Task, TaskRoom } from './types.ts';
