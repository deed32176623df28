import { atFlag } from './files.ts';
import { checked, type PathLike, pathAddress, trySyscall } from './libc.ts';

/** What a container engine asks of a file. Times are Unix nanoseconds. */
export type FileStat = {
  readonly mode: number;
  readonly linkCount: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly blocks512: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /** The device that a device node stands for. */
  readonly nodeMajor: number;
  readonly nodeMinor: number;
  /** The filesystem that holds the file. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly mountId: bigint;
};

const basicAndMountId = 0x7ff | 0x1000;
const area = new DataView(new ArrayBuffer(256));

/**
 * Asks about `path` below a descriptor, without following a final link; an empty path means the descriptor itself.
 *
 * @throws SystemError
 */
export function statAt(dirFd: number, path: PathLike): FileStat {
  const flags = atFlag.symlinkNoFollow | atFlag.emptyPath;
  checked(trySyscall('statx', dirFd, pathAddress(path), flags, basicAndMountId, area), 'statx', path);
  return readStatx(area);
}

/** Asks about an open descriptor, O_PATH included. */
export function fstat(fd: number): FileStat {
  return statAt(fd, '');
}

function readStatx(view: DataView): FileStat {
  const timeNs = (at: number): bigint =>
    view.getBigInt64(at, true) * 1_000_000_000n + BigInt(view.getUint32(at + 8, true));
  return {
    linkCount: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    inode: view.getBigUint64(32, true),
    sizeBytes: Number(view.getBigUint64(40, true)),
    blocks512: Number(view.getBigUint64(48, true)),
    accessedNs: timeNs(64),
    changedNs: timeNs(96),
    modifiedNs: timeNs(112),
    nodeMajor: view.getUint32(128, true),
    nodeMinor: view.getUint32(132, true),
    deviceMajor: view.getUint32(136, true),
    deviceMinor: view.getUint32(140, true),
    mountId: view.getBigUint64(144, true),
  };
}

export type FilesystemStat = {
  /** The kernel's magic number of the filesystem's type: 0xef53 is ext4. */
  readonly type: number;
  readonly blockSizeBytes: number;
  readonly blocks: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
};

/** Asks about the filesystem that a path is on. @throws SystemError */
export function statfs(path: PathLike): FilesystemStat {
  checked(trySyscall('statfs', pathAddress(path), area), 'statfs', path);
  return readStatfs(area);
}

export function fstatfs(fd: number): FilesystemStat {
  checked(trySyscall('fstatfs', fd, area), 'fstatfs');
  return readStatfs(area);
}

function readStatfs(view: DataView): FilesystemStat {
  const word = (index: number): number => Number(view.getBigUint64(index * 8, true));
  return {
    type: word(0),
    blockSizeBytes: word(1),
    blocks: word(2),
    blocksAvailable: word(4),
    files: word(5),
    filesFree: word(6),
  };
}
