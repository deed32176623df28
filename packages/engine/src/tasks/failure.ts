import { EngineError } from '@gantry/base';
import type { Act, FailedRecord, Plan } from '@gantry/native';

const ENOENT = 2;
const EACCES = 13;
const ENOTDIR = 20;
const EISDIR = 21;
const ENOEXEC = 8;

/**
 * Says why a task could not start: which act of the plan failed, on what, and why.
 *
 * For the command itself the words are the ones that Docker's clients look for to choose exit code 126 or 127.
 */
export function describeFailure(plan: Plan, failed: FailedRecord, errnoText: (errno: number) => string): EngineError {
  const act = failed.part === 'shim' ? undefined : plan[failed.part][failed.index];
  const why = failed.errno === 0 ? failed.step : `${failed.step}: ${errnoText(failed.errno)}`;
  if (act === undefined) return failure('internal', `shim: ${why}`);
  switch (act.verb) {
    case 'exec':
      return execFailure(act.argv[0] ?? '', failed.errno, errnoText);
    case 'userLookup':
      // Docker looks users up before it makes a task, so its words have no prefix.
      return new EngineError('invalid', userFailure(act.spec, failed, why));
    case 'chdir':
      return failure(
        'invalid',
        `chdir to cwd (${JSON.stringify(act.path)}) set in config.json failed: ${chdirReason(failed.errno, errnoText)}`,
      );
    case 'mountBind':
      return failure('invalid', `cannot mount "${act.source}" on "${act.target}": ${why}`);
    case 'mountFs':
      return failure('invalid', `cannot mount ${act.fstype} on "${act.target}": ${why}`);
    case 'sysctl':
      return failure('invalid', `cannot set sysctl "${act.key}" to "${act.value}": ${why}`);
    case 'writeFile':
      return failure('invalid', `cannot write "${new TextDecoder().decode(act.data).trim()}" to "${act.path}": ${why}`);
    default:
      return failure('internal', `${act.verb}${subject(act)}: ${why}`);
  }
}

function execFailure(command: string, errno: number, errnoText: (errno: number) => string): EngineError {
  const plain = command.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH';
  const reasons: Readonly<Record<number, string>> = {
    [ENOENT]: plain,
    [ENOTDIR]: 'not a directory',
    [EACCES]: 'permission denied',
    [EISDIR]: 'is a directory',
    [ENOEXEC]: 'exec format error',
  };
  const prefix = command.includes('/')
    ? `exec ${JSON.stringify(command)}: stat ${command}`
    : `exec: ${JSON.stringify(command)}`;
  const path = errno === ENOENT ? prefix : `exec: ${JSON.stringify(command)}`;
  return failure('invalid', `${path}: ${reasons[errno] ?? errnoText(errno)}`);
}

/** Docker's words again: its clients tell 127 from 126 by them. */
function chdirReason(errno: number, errnoText: (errno: number) => string): string {
  if (errno === ENOENT) return 'no such file or directory';
  if (errno === ENOTDIR) return 'not a directory';
  return errno === EACCES ? 'permission denied' : errnoText(errno);
}

/** Docker's words for a USER or a group that the container's own files do not have. */
function userFailure(spec: string, { step, errno }: FailedRecord, why: string): string {
  const [user = '', group = ''] = spec.split(':');
  if (errno === ENOENT && step === 'user') return `unable to find user ${user}: no matching entries in passwd file`;
  if (errno === ENOENT && step === 'group')
    return `unable to find group ${group || spec}: no matching entries in group file`;
  return `cannot use user "${spec}": ${why}`;
}

function subject(act: Act): string {
  const value = 'path' in act ? act.path : 'target' in act ? act.target : 'name' in act ? act.name : '';
  return value === '' ? '' : ` "${value}"`;
}

function failure(code: 'invalid' | 'internal', why: string): EngineError {
  return new EngineError(code, `failed to create task for container: ${why}`);
}

/** The exit code that clients end with after a start that failed for this reason: 126, 127, or `other` for the rest. */
export function startFailureCode(message: string, other: 126 | 128): number {
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  if (/permission denied|is a directory|exec format error/.test(message)) return 126;
  return other;
}
