import type { Act } from '@gantry/native';

const netlinkRoute = 0;
const setLink = 16;
const requestAcknowledged = 5;
const up = 1;
/** The loopback device is the first one of every network namespace. */
const loopbackIndex = 1;

/**
 * Acts that bring up the loopback device of a new network namespace: all the network that a container has when nobody
 * wires it. Registers from 200 on are the network's.
 *
 * Spec: rtnetlink(7), struct nlmsghdr and struct ifinfomsg.
 */
export function loopbackActs(socket = 200): Act[] {
  const message = new Uint8Array(32);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, setLink, true);
  view.setUint16(6, requestAcknowledged, true);
  view.setUint32(8, 1, true);
  view.setInt32(20, loopbackIndex, true);
  view.setUint32(24, up, true);
  view.setUint32(28, up, true);
  return [
    { verb: 'netlinkSocket', family: netlinkRoute, reg: socket },
    { verb: 'netlink', socket, messages: message, patchOffsets: new Uint8Array(), patchReg: undefined },
  ];
}
