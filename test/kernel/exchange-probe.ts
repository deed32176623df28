import { open, openDescriptor, openFlag, renameat2, renameFlag } from '@gantry/native';

/** Exchanges two names in a directory, as fast as the kernel can, until it is killed: what a hostile container does. */
const [directory = '', one = '', other = ''] = process.argv.slice(2);
using dir = openDescriptor(open(directory, openFlag.readOnly | openFlag.directory));
process.stdout.write('exchanging\n');
for (;;) renameat2({ fromDir: dir.fd, from: one, toDir: dir.fd, to: other }, renameFlag.exchange);
