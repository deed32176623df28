import { readFileSync } from 'node:fs';
import { messageOf } from '@gantry/base';
import type { EngineOptions } from '@gantry/engine';
import { proxiesOf } from '@gantry/registry';
import manifest from '../package.json' with { type: 'json' };
import type { Settings } from './config/reload.ts';
import type { Log } from './log.ts';
import type { DaemonFacts } from './print/system.ts';

/** What can be reloaded is read anew each time somebody asks for it. */
export function engineOptions(settings: Settings, log: Log): EngineOptions {
  const { dataRoot, execRoot, bridge, bip, storageDriver, nondistributable, imagePolicy } = settings.config;
  return {
    dataRoot,
    storageDriver,
    execRoot,
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    bridge,
    bip,
    nondistributable,
    imagePolicy,
    registries: {
      get insecure() {
        return settings.config.insecureRegistries;
      },
      get mirrors() {
        return settings.config.registryMirrors;
      },
      get configDirs() {
        return settings.config.registryConfigDirs;
      },
      proxies: proxiesOf(process.env),
    },
    get defaults() {
      return settings.config;
    },
    report: (what, error) => log.error(what, error === undefined ? {} : { error: messageOf(error) }),
  };
}

/** What the daemon knows of itself at the moment it is asked. */
export function daemonFacts(settings: Settings): () => DaemonFacts {
  return () => {
    const { debug, labels, logConfig, registryMirrors, insecureRegistries } = settings.config;
    const program = { version: manifest.version, gitCommit: '', buildTime: '' };
    return { ...program, debug, labels, logDriver: logConfig.type, registryMirrors, insecureRegistries };
  };
}
