import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot, type TextFile } from './repository.ts';
import type { Finding } from './rooms.ts';

/** Hosts that everyone has: naming them tells nothing about a machine. */
const publicHosts =
  /(^|\.)(debian\.org|npmjs\.org|npmjs\.com|yarnpkg\.com|docker\.io|docker\.com|github\.com|localhost)$|^127\.|^\[?::1/;
const systemDirectories = ['/', '/tmp', '/var/tmp', '/home', '/root', '/srv', '/opt', '/usr/src'];

/**
 * Lists texts that name this very machine and so must not be committed: where the checkout lies, and the hosts that npm
 * and apt are set to here. They are read from the machine's configuration, so the list itself is in no file.
 */
export function machineTexts(environment: NodeJS.ProcessEnv): string[] {
  const texts = [`${repositoryRoot}/`];
  if (!systemDirectories.includes(dirname(repositoryRoot))) texts.push(`${dirname(repositoryRoot)}/`);
  for (const host of configuredHosts(environment)) if (!publicHosts.test(host)) texts.push(host);
  return [...new Set(texts)];
}

/** Finds lines that hold one of the texts. */
export function checkCommittedText(files: readonly TextFile[], texts: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    for (const text of texts) {
      const at = file.text.indexOf(text);
      if (at === -1) continue;
      const line = file.text.slice(0, at).split('\n').length;
      findings.push({ path: file.path, line, rule: 'names a path or a host of this machine' });
    }
  }
  return findings;
}

function configuredHosts(environment: NodeJS.ProcessEnv): string[] {
  const aptLists = existsSync('/etc/apt/sources.list.d') ? readdirSync('/etc/apt/sources.list.d') : [];
  const files = [
    join(homedir(), '.npmrc'),
    '/etc/npmrc',
    '/usr/etc/npmrc',
    '/usr/local/etc/npmrc',
    '/etc/apt/sources.list',
    ...aptLists.map((name) => join('/etc/apt/sources.list.d', name)),
  ];
  const texts = files.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));
  texts.push(environment.npm_config_registry ?? '', environment.NPM_CONFIG_REGISTRY ?? '');
  return texts.flatMap((text) =>
    [...text.matchAll(/https?:\/\/(?:[^/\s@]*@)?([^/\s:]+)/g)].map((match) => match[1] ?? ''),
  );
}
