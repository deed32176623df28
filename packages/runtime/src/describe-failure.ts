import { EngineError } from '@gantry/base';
import { errnoName, type FailedRecord, formatAct, type Plan } from '@gantry/native';

/** Why a process could not start, for people: the act that failed as the plan prints it, the step in it, the errno. */
export function describeFailure(plan: Plan | undefined, failed: FailedRecord): EngineError {
  const act = failed.part === 'shim' ? undefined : plan?.[failed.part][failed.index];
  const why = `${failed.step}: ${errnoName(failed.errno)}`;
  if (act === undefined) return new EngineError('internal', `cannot start container: ${why}`);
  if (act.verb === 'exec') {
    const name = act.argv[0] ?? '';
    const missing = failed.errno === 2 ? 'not found' : why;
    return new EngineError(failed.errno === 2 ? 'not-found' : 'invalid', `cannot execute "${name}": ${missing}`);
  }
  return new EngineError('internal', `cannot start container: ${formatAct(act).trim()}: ${why}`);
}
