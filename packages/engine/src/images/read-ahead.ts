/**
 * Reads a stream ahead of who takes it, up to so many bytes: what makes the chunks works on while the last ones are
 * sent. Leaving early ends the source too, and waits until it has.
 *
 * @throws what the source throws, after what came before it
 */
export async function* readAhead(
  source: AsyncIterable<Uint8Array>,
  maximumBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const waiting: Uint8Array[] = [];
  let bytes = 0;
  let hasLeft = false;
  let hasEnded = false;
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const reading = (async () => {
    for await (const chunk of source) {
      waiting.push(chunk);
      bytes += chunk.length;
      tell();
      while (bytes >= maximumBytes && !hasLeft) await changed.promise;
      if (hasLeft) return;
    }
  })().finally(() => {
    hasEnded = true;
    tell();
  });
  reading.catch(() => undefined);
  try {
    while (!hasEnded || waiting.length > 0) {
      const chunk = waiting.shift();
      if (chunk === undefined) {
        await changed.promise;
        continue;
      }
      bytes -= chunk.length;
      tell();
      yield chunk;
    }
    await reading;
  } finally {
    hasLeft = true;
    tell();
    await reading.catch(() => undefined);
  }
}
