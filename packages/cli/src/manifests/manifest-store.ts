import { CliError } from '../cli-error.ts';
import { configDirectory } from '../credentials/config-file.ts';
import { disk } from '../disk.ts';
import { formatEntry, type ManifestEntry, parseEntry } from './entry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** SAFETY: a name becomes one file name, so nothing of it may lead elsewhere. */
function fileName(reference: string): string {
  return reference.replaceAll(':', '-').replaceAll('/', '_');
}

function listDirectory(list: string, environment: Environment): string {
  return `${configDirectory(environment)}/manifests/${fileName(list)}`;
}

/** Lists under construction, in the directory that Docker's command line keeps its own in. Names are complete ones. */
export function findList(list: string, environment: Environment): readonly ManifestEntry[] | undefined {
  const directory = listDirectory(list, environment);
  if (!disk().existsSync(directory)) return undefined;
  const names = disk().readdirSync(directory).sort();
  return names.map((name) => parseEntry(disk().readFileSync(`${directory}/${name}`, 'utf8'), `${directory}/${name}`));
}

/** @throws CliError with Docker's text */
export function getList(list: string, environment: Environment): readonly ManifestEntry[] {
  const entries = findList(list, environment);
  if (entries === undefined) throw new CliError(`No such manifest: ${list}`);
  return entries;
}

/** One entry of a list that is under construction. */
export function findEntry(list: string, ref: string, environment: Environment): ManifestEntry | undefined {
  const path = `${listDirectory(list, environment)}/${fileName(ref)}`;
  return disk().existsSync(path) ? parseEntry(disk().readFileSync(path, 'utf8'), path) : undefined;
}

export function saveEntry(list: string, entry: ManifestEntry, environment: Environment): void {
  const directory = listDirectory(list, environment);
  disk().mkdirSync(directory, { recursive: true });
  disk().writeFileSync(`${directory}/${fileName(entry.ref)}`, JSON.stringify(formatEntry(entry)));
}

export function removeList(list: string, environment: Environment): void {
  disk().rmSync(listDirectory(list, environment), { recursive: true, force: true });
}
