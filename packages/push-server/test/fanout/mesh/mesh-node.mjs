// A node of a mesh in a process of its own, to be stopped or killed; with `cluster` as second argument two of them in workers of a cluster.
import cluster from 'node:cluster';
import { Mesh } from '../../../dist/inner/mesh.js';

const [folder, how] = process.argv.slice(2);
if (how === 'cluster' && cluster.isPrimary) {
  for (let count = 0; count < 2; count++) {
    const worker = cluster.fork();
    worker.on('message', (message) => process.send({ ...message, pid: worker.process.pid }));
    process.on('message', (message) => worker.isConnected() && worker.send(message));
  }
  process.on('disconnect', () => process.exit());
} else {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const mesh = new Mesh({
    folder,
    events: {
      onMessage: (payload) => process.send({ message: payload.toString() }),
      onPeer: (peer) => process.send({ peer }),
      onPeerGone: (peer) => process.send({ gone: peer, id: mesh.id }),
      onGap: () => process.send({ gap: true }),
    },
    log,
  });
  await mesh.open();
  await mesh.join();
  process.on('message', ({ publishTo, follow }) => {
    if (publishTo !== undefined) mesh.publishTo(publishTo, Buffer.from('from the child'));
    if (follow !== undefined) mesh.follow(follow, () => {});
  });
  process.on('disconnect', () => process.exit());
  process.send({ id: mesh.id });
}
