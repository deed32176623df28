import { expect, test } from 'bun:test';
import { commandOutput } from '../harness/command.ts';
import { gantryProgram } from '../harness/engine.ts';

/** Namespaces of its own, in which nobody has started an engine and the default places are empty. */
function inEmptyWorld(script: string): Promise<string> {
  const prepare = 'mount -t tmpfs none /run; mount -t tmpfs none /var/lib; ip link set lo up';
  const leave = 'kill "$(cat /run/gantry/gantry.pid)"; while [ -e /run/gantry/gantry.pid ]; do sleep 0.01; done';
  const whole = `set -e; ${prepare}; trap '${leave}' EXIT; g=${gantryProgram}; ${script}`;
  const namespaces = ['unshare', '--mount', '--net', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const environment = { DOCKER_HOST: undefined, GANTRY_HOST: undefined };
  return commandOutput([...namespaces, 'bash', '-c', whole], { environment });
}

test('four clients at once start one engine when none was named and none listens', async () => {
  const script =
    'for i in 1 2 3 4; do $g ps -q & done; wait; pgrep -cx gantry; grep -c "API listen" /run/gantry/engine.log';
  expect(await inEmptyWorld(script)).toBe('1\n1');
});

test('an engine that was named is never started', async () => {
  const script = '$g ps >/dev/null; $g -H unix:///nosuch.sock ps 2>&1 || echo "exit $?"';
  expect(await inEmptyWorld(script)).toBe(
    'Cannot connect to the Gantry daemon at unix:///nosuch.sock. Is the gantry daemon running?\nexit 1',
  );
});
