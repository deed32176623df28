import type { Repository } from '@gantry/registry';

/** Asks one after another; what the last one says is what counts when none has it. */
export async function firstOf<T>(
  repositories: readonly Repository[],
  ask: (repository: Repository) => Promise<T>,
  signal: AbortSignal,
): Promise<{ repository: Repository; found: T }> {
  for (const [i, repository] of repositories.entries()) {
    try {
      return { repository, found: await ask(repository) };
    } catch (error) {
      if (signal.aborted || i === repositories.length - 1) throw error;
    }
  }
  throw new Error('unreachable: there is always the registry itself');
}
