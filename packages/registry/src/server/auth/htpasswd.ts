import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';
import { RegistryError } from '../registry-error.ts';
import { anonymousUser, everyUser } from './grants.ts';

/** A password is hashed once in this time for each user, however many requests bring it. */
const rememberedMs = 5 * 60_000;
const maximumRemembered = 10_000;
/** bcrypt is slow on purpose: more at once would take all processors from those who pull. */
const maximumAtOnce = 4;
/** Who comes when so many wait is sent away, and guesses passwords more slowly. */
const maximumWaiting = 64;
/** A hash of nothing in particular: an unknown user costs as much time as a known one. */
const nobodysHash = '$2b$10$7EqJtq98hPqEX7fNZaFWoOhi5BWX4Z3TJ4W3mNnJVuUqV1Q4bYx0a';

/** Parses an htpasswd file with bcrypt hashes, as `htpasswd -B` writes it. @throws invalid, naming the line */
export function parseHtpasswd(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [user = '', hash = ''] = line.trim().split(':');
    if (
      user === '' ||
      user === everyUser ||
      user === anonymousUser ||
      !/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash)
    ) {
      throw new EngineError('invalid', `cannot read htpasswd file: line ${index + 1} is no user with a bcrypt hash`, {
        hint: 'write it with: htpasswd -B FILE USER',
      });
    }
    // Apache's name for what everyone else calls 2b.
    users.set(user, hash.replace(/^\$2y/, '$2b'));
  }
  return users;
}

/**
 * The users of an htpasswd file, which is read again when it changes. A password that was right is remembered for some
 * minutes, as a keyed hash, or each request of a client with basic authentication would cost a tenth of a second.
 */
export class Htpasswd {
  readonly #path: string;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, number>();
  #users: ReadonlyMap<string, string>;
  #stamp: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @throws invalid */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#stamp = stampOf(path);
    this.#users = parseHtpasswd(readFile(path));
  }

  /** Whether that is the user's password. @throws TOOMANYREQUESTS */
  async verify(user: string, password: string): Promise<boolean> {
    this.#refresh();
    const hash = this.#users.get(user);
    const mark = createHmac('sha256', this.#key).update(`${hash}\0${user}\0${password}`).digest('base64');
    if ((this.#remembered.get(mark) ?? 0) > this.#now()) return true;
    const isRight = (await this.#compare(password, hash ?? nobodysHash)) && hash !== undefined;
    if (isRight) this.#remember(mark);
    return isRight;
  }

  /** Changes when the user's password does; undefined when there is no such user. */
  fingerprint(user: string): string | undefined {
    this.#refresh();
    const hash = this.#users.get(user);
    return hash === undefined ? undefined : createHmac('sha256', 'fingerprint').update(hash).digest('base64url');
  }

  async #compare(password: string, hash: string): Promise<boolean> {
    if (this.#waiting.length >= maximumWaiting)
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins at once', { headers: { 'retry-after': '1' } });
    while (this.#running >= maximumAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await Bun.password.verify(password, hash);
    } catch {
      return false; // an empty password, which Bun does not hash
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  #remember(mark: string): void {
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= maximumRemembered && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(mark, this.#now() + rememberedMs);
  }

  #refresh(): void {
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return;
    // A file that is being written is read again when it is whole; until then the old one holds.
    this.#stamp = stamp;
    try {
      this.#users = parseHtpasswd(readFile(this.#path));
    } catch (error) {
      process.stderr.write(`gantry registry: ${messageOf(error)}: the users of before stay\n`);
    }
  }
}

function stampOf(path: string): string {
  const file = statSync(path, { throwIfNoEntry: false });
  return `${file?.mtimeMs} ${file?.size} ${file?.ino}`;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EngineError('invalid', `cannot read htpasswd file: ${messageOf(error)}`);
  }
}
