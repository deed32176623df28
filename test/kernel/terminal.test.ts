import { afterAll, expect, test } from 'bun:test';
import { closeBoxes, openBox, sh } from './box.ts';

afterAll(closeBoxes);

const terminal = { process: { terminal: true, consoleSize: { height: 33, width: 99 } } };
const plain = (text: string): string => text.replaceAll('\r', '');

test('a terminal is the standard input, output and error, and the console', async () => {
  const seen = plain(
    await sh(
      'tty; readlink /proc/self/fd/0 /proc/self/fd/1 2>/dev/null; probe stat /dev/console; probe window',
      terminal,
    ),
  );
  expect(seen).toMatch(/^\/dev\/pts\/0\n/);
  expect(seen).toMatch(/\nc 136:0 620 0:5\n33 99 \/dev\/pts\/0$/);
});

test('a terminal belongs to the user of the process', async () => {
  const seen = plain(
    await sh('probe stat /dev/pts/0; echo ok > /dev/tty', {
      process: { ...terminal.process, user: { uid: 1000, gid: 1000 } },
    }),
  );
  expect(seen).toMatch(/^c 136:0 620 1000:5\nok$/);
});

test('what is typed reaches the process, and ctrl-c interrupts it', async () => {
  await using box = await openBox(
    ['sh', '-c', 'trap "exit 42" INT; read line; echo "got $line"; read other'],
    terminal,
  );
  box.attachment.write(new TextEncoder().encode('hello\n'));
  await waitFor(() => box.output().out.includes('got hello'));
  box.attachment.write(Uint8Array.of(3));
  expect((await box.finished()).record).toMatchObject({ exitCode: 42, signal: 0 });
});

test('the window follows a resize', async () => {
  await using box = await openBox(['sh', '-c', 'read line; probe window'], terminal);
  box.control.resize(11, 22);
  box.attachment.write(new TextEncoder().encode('\n'));
  expect(plain((await box.finished()).out)).toContain('11 22 /dev/pts/0');
});

test('a second process has a terminal of its own and leaves the console alone', async () => {
  await using box = await openBox(['sleep', '100']);
  const { out } = await box.exec(['sh', '-c', 'tty; probe window; probe stat /dev/console'], {
    terminal: true,
    consoleSize: { rows: 5, columns: 6 },
  });
  expect(plain(out)).toBe('/dev/pts/0\n5 6 /dev/pts/0\nENOENT\n');
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (condition()) return;
    await Bun.sleep(2);
  }
  throw new Error('the condition did not come true');
}
