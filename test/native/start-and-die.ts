import { openSync } from 'node:fs';
import { encodeFrame, frameType, sendto, socketPair } from '@gantry/native';
import { buildNative } from '../../packages/native/build.ts';
import { Connection } from './connection.ts';

// A daemon in small: starts the task of the plan it is given, and is killed at once.
const plan = openSync(process.argv[2] ?? '', 'r');
const [ours, theirs] = socketPair();
sendto(ours, encodeFrame(frameType.start));
Bun.spawn([await buildNative()], {
  argv0: 'gantry-shim',
  cwd: '/',
  env: {},
  stdio: ['ignore', 'ignore', 'ignore', plan, theirs],
});
new Connection(ours).wait(frameType.started);
process.kill(process.pid, 'SIGKILL');
