import { EngineError, messageOf } from '@gantry/base';
import {
  close,
  connect,
  descriptorMessage,
  pidfdOpen,
  sendmsg,
  socket,
  socketFamily,
  socketType,
  unixAddress,
} from '@gantry/native';

/** A unix socket on which somebody waits for a descriptor. */
export type DescriptorSocket = Disposable & {
  /** @param text what goes with it: by convention its name. @throws unavailable when the other side is gone */
  send(fd: number, text: string): void;
};

/** Connects to the socket that a flag names, if one was given. @throws not-found when nobody listens there */
export function openDescriptorSocket(path: string | undefined): DescriptorSocket | undefined {
  if (path === undefined) return undefined;
  const fd = socket(socketFamily.unix, socketType.stream);
  try {
    connect(fd, unixAddress(path));
  } catch (cause) {
    close(fd);
    throw new EngineError('not-found', `cannot connect to socket "${path}": ${messageOf(cause)}`, { cause });
  }
  return {
    send: (sent, text) => {
      const result = sendmsg(fd, { bytes: new TextEncoder().encode(text), control: descriptorMessage(sent) });
      if (result < 0) throw new EngineError('unavailable', `cannot send a descriptor to "${path}": errno ${-result}`);
    },
    [Symbol.dispose]: () => close(fd),
  };
}

/** `--pidfd-socket`: hands on a descriptor of a process. @param kind runc's word: `standard`, or `setns` for an exec */
export function sendPidfd(to: DescriptorSocket | undefined, pid: number, kind: 'standard' | 'setns'): void {
  if (to === undefined) return;
  const pidfd = pidfdOpen(pid);
  try {
    to.send(pidfd, kind);
  } finally {
    close(pidfd);
  }
}
