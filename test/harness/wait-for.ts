const pollMs = 10;

/**
 * Waits until `condition` gives something other than undefined or false, and returns it. Tests wait for facts, never for
 * time: a slow machine makes a test slow, not wrong.
 *
 * @throws naming `fact` after `timeoutMs`
 */
export async function waitFor<T>(
  fact: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${fact}`);
    await Bun.sleep(pollMs);
  }
}
