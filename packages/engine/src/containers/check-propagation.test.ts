import { expect, test } from 'bun:test';
import { checkPropagation } from './check-propagation.ts';

const mountinfo = `21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 21 254:1 / /data rw,relatime shared:7 - ext4 /dev/vdb rw
23 21 254:2 / /slave rw,relatime master:7 - ext4 /dev/vdc rw
24 22 0:40 / /data/a\\040b rw - tmpfs tmpfs rw
25 22 0:41 / /data/top rw - tmpfs tmpfs rw
26 22 0:42 / /data/top rw shared:9 - tmpfs tmpfs rw
`;

test.each([
  ['/data/x', 'rshared'],
  ['/data', 'rslave'],
  ['/slave/x', 'slave'],
  ['/data/top/x', 'shared'],
  ['/home', 'rprivate'],
  ['/home', ''],
])('%s can be bound with propagation "%s"', (source, propagation) => {
  expect(() => checkPropagation(mountinfo, { source, propagation }, source)).not.toThrow();
});

test.each([
  ['/home', 'rshared', 'path /home is mounted on / but it is not a shared mount'],
  ['/database', 'shared', 'path /database is mounted on / but it is not a shared mount'],
  ['/home', 'rslave', 'path /home is mounted on / but it is not a shared or slave mount'],
  ['/slave/x', 'shared', 'path /slave/x is mounted on /slave but it is not a shared mount'],
  ['/data/a b/x', 'shared', 'path /data/a b/x is mounted on /data/a b but it is not a shared mount'],
])('%s cannot be bound with propagation "%s"', (source, propagation, text) => {
  expect(() => checkPropagation(mountinfo, { source, propagation }, source)).toThrow(text);
});
