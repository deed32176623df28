import { close, open, openat2, openDescriptor, openFlag } from '@gantry/native';
import { bytesOfText } from '../byte-string.ts';
import { packChanges } from '../pack/pack-changes.ts';
import { packDirectory, packSingle } from '../pack/pack-tree.ts';
import { adoptHandle, openNode } from '../pack/read-node.ts';
import { extractArchive } from './extract-archive.ts';
import { listChanges } from './list-changes.ts';
import { Mailbox } from './mailbox.ts';
import { openView } from './open-view.ts';
import {
  describeTreeFailure,
  type FromTree,
  type OverlayDirectories,
  type ToTree,
  type TreeReplies,
  type TreeRequest,
} from './protocol.ts';
import { baseOf, cleanClientPath, openPath, statPath } from './stat-path.ts';

/** The entry of a tree thread: it serves one request and ends, and its mount namespace ends with it. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToTree>) => void;
  postMessage: (reply: FromTree, transfer?: ArrayBuffer[]) => void;
};
const mailbox = new Mailbox(port.postMessage);

const head = (value: TreeReplies[keyof TreeReplies]): void => port.postMessage({ kind: 'head', value });

async function serve(request: TreeRequest): Promise<void> {
  if (request.verb === 'changes') return head(withDirectories(request.directories, listChanges));
  if (request.verb === 'layer') return await serveLayer(request.directories);
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

async function serveLayer(directories: OverlayDirectories): Promise<void> {
  const changes = withDirectories(directories, listChanges);
  head(undefined);
  using upper = openDescriptor(open(`${directories.cwd}/${directories.upper}`, openFlag.readOnly | openFlag.directory));
  await mailbox.send(packChanges(upper.fd, changes));
}

function withDirectories<T>({ cwd, upper, lower }: OverlayDirectories, act: (upper: number, lowers: number[]) => T): T {
  const flags = openFlag.readOnly | openFlag.directory | openFlag.noFollow;
  using top = openDescriptor(open(cwd, openFlag.path | openFlag.directory));
  using upperFd = openDescriptor(openat2(top.fd, upper, { flags }));
  const lowers: number[] = [];
  try {
    for (const path of lower) lowers.push(openat2(top.fd, path, { flags }));
    return act(upperFd.fd, lowers);
  } finally {
    for (const fd of lowers) close(fd);
  }
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
