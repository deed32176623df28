import { basename, dirname } from 'node:path';
import { atFdcwd, mkdirat, open, openDescriptor, openFlag, snapshotSubvolume, statAt } from '@gantry/native';
import { bytesOfText } from '../byte-string.ts';
import { copyTree } from '../lay/copy-tree.ts';
import { layOver } from '../lay/lay-over.ts';
import { packChanges } from '../pack/pack-changes.ts';
import { packDirectory, packSingle } from '../pack/pack-tree.ts';
import { adoptHandle, openNode } from '../pack/read-node.ts';
import { measurePaths, measureTreeAt } from '../tree-size.ts';
import { compareTrees } from './compare-trees.ts';
import { extractArchive } from './extract-archive.ts';
import { listChanges, type TreeChange } from './list-changes.ts';
import { Mailbox } from './mailbox.ts';
import { openView } from './open-view.ts';
import {
  type ChangedDirectories,
  describeTreeFailure,
  type FromTree,
  type ToTree,
  type TreeCopy,
  type TreeReplies,
  type TreeRequest,
} from './protocol.ts';
import { baseOf, cleanClientPath, openPath, statPath } from './stat-path.ts';
import type { TreeView } from './tree-view.ts';

/** The entry of a tree thread: it serves one request and ends, and its mount namespace ends with it. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToTree>) => void;
  postMessage: (reply: FromTree, transfer?: ArrayBuffer[]) => void;
};
const mailbox = new Mailbox(port.postMessage);

const head = (value: TreeReplies[keyof TreeReplies]): void => port.postMessage({ kind: 'head', value });

async function serve(request: TreeRequest): Promise<void> {
  switch (request.verb) {
    case 'changes':
      return head(changesIn(request.directories));
    case 'changedBytes':
      return head(changedBytes(request.directories));
    case 'layer':
      return await serveLayer(request.directories);
    case 'copy':
      makeCopy(request.copy);
      return head(undefined);
    case 'lay':
      makeCopy(request.copy);
      return head(
        withTrees(request.layer, request.copy.to, (layer, tree) => {
          layOver(layer, tree, request.says);
          return measureTreeAt(tree);
        }),
      );
    case 'stat':
    case 'archive':
    case 'extract':
    case 'export':
      return await serveView(request);
  }
}

async function serveView(request: TreeRequest & { readonly view: TreeView }): Promise<void> {
  using view = openView(request.view);
  port.postMessage({ kind: 'ready' });
  switch (request.verb) {
    case 'stat':
      return head(statPath(view, request.path));
    case 'extract':
      await extractArchive(view, mailbox.bytes(), request.options);
      return head(undefined);
    case 'export': {
      using top = openNode(view.root, '.');
      head(undefined);
      return await mailbox.send(packDirectory(top, { base: '' }));
    }
    case 'archive': {
      const stat = statPath(view, request.path);
      return await sendArchive(view.root, request.path, () => head(stat));
    }
  }
}

/** A directory is called as its path ends, `.` and `/` included; anything else by its name. */
async function sendArchive(root: number, clientPath: string, begin: () => void): Promise<void> {
  const path = cleanClientPath(clientPath);
  const name = bytesOfText(baseOf(path));
  using node = adoptHandle(openPath(root, path));
  begin();
  await mailbox.send(node.kind === 'directory' ? packDirectory(node, { base: name }) : packSingle(node, name));
}

async function serveLayer(directories: ChangedDirectories): Promise<void> {
  const changes = changesIn(directories);
  head(undefined);
  using changed = openDirectory(changedPath(directories));
  await mailbox.send(packChanges(changed.fd, changes));
}

function changesIn(directories: ChangedDirectories): TreeChange[] {
  const { cwd } = directories;
  using changed = openDirectory(changedPath(directories));
  if (directories.kind === 'overlay') {
    using stack = new DisposableStack();
    const lowers = directories.lower.map((path) => stack.use(openDirectory(`${cwd}/${path}`)).fd);
    return listChanges(changed.fd, lowers);
  }
  const { below, copied } = directories;
  using lower = below === '' ? undefined : openDirectory(`${cwd}/${below}`);
  return compareTrees(changed.fd, lower?.fd, statAt(atFdcwd, `${cwd}/${copied}`).modifiedNs);
}

function changedPath(directories: ChangedDirectories): string {
  return `${directories.cwd}/${directories.kind === 'overlay' ? directories.upper : directories.tree}`;
}

function changedBytes(directories: ChangedDirectories): number {
  const paths = changesIn(directories).flatMap(({ kind, path }) => (kind === 'deleted' ? [] : [path]));
  using changed = openDirectory(changedPath(directories));
  return measurePaths(changed.fd, paths);
}

function openDirectory(path: string): { readonly fd: number } & Disposable {
  return openDescriptor(open(path, openFlag.readOnly | openFlag.directory | openFlag.noFollow));
}

function makeCopy({ from, to, by }: TreeCopy): void {
  if (by === 'files') {
    mkdirat(atFdcwd, to, 0o700);
    withTrees(from, to, copyTree);
  } else {
    withTrees(from, dirname(to), (source, parent) => snapshotSubvolume(parent, basename(to), source));
  }
}

function withTrees<T>(from: string, to: string, act: (from: number, to: number) => T): T {
  using source = openDirectory(from);
  using target = openDirectory(to);
  return act(source.fd, target.fd);
}

async function answer(request: TreeRequest): Promise<void> {
  try {
    await serve(request);
    port.postMessage({ kind: 'done' });
  } catch (error) {
    port.postMessage(describeTreeFailure(error));
  }
}

port.onmessage = ({ data }) => {
  if (data.kind === 'request') void answer(data.request);
  else mailbox.receive(data);
};
