import { messageOf } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import type { DaemonConfig } from './config/config.ts';
import { reloadAttributes, reloadConfig, type Settings } from './config/reload.ts';
import type { Log } from './log.ts';

/** Reads the configuration again. One that cannot be used is refused in a line of the log, and nothing changes. */
export function reload({
  settings,
  readAgain,
  engine,
  log,
}: {
  settings: Settings;
  readAgain: () => DaemonConfig;
  engine: Engine;
  log: Log;
}): void {
  log.info('Got signal to reload configuration');
  try {
    const { config, waiting } = reloadConfig(settings.config, readAgain());
    settings.config = config;
    const { id, hostname } = engine.info();
    engine.events.record('daemon', 'reload', id, reloadAttributes(config, hostname));
    log.info('Reloaded configuration', { config: JSON.stringify(config) });
    if (waiting.length > 0)
      log.warn('these options change when the daemon is started again', { options: waiting.join(' ') });
  } catch (error) {
    log.error('Error reloading configuration', { error: messageOf(error) });
  }
}
