/**
 * An agent or a push-server in a process of its own: `node --expose-gc soak-node.mjs <agent | server> <settings> <name> <ports of
 * push-servers>`. It tells its admin listener, and how much memory it uses when it is asked to.
 */
import { startAgent } from '@gopush/agent';
import { startPushServer } from '@gopush/push-server';

const [tier, settings, node, ports] = process.argv.slice(2);
const config = JSON.parse(settings);

/** How a push-server ends the connections of clients that ask for it. */
function setup(io) {
  const serve = (socket) => {
    socket.on('kick', () => socket.disconnect(true));
    socket.on('cut', () => socket.conn.transport.socket._socket.destroy());
    socket.on('reset', () => socket.conn.transport.socket._socket.resetAndDestroy());
  };
  io.on('connection', serve);
  return () => io.off('connection', serve);
}

const router = { default: [{ ip: '127.0.0.1', ports: JSON.parse(ports) }] };
const started =
  tier === 'agent'
    ? await startAgent({ config, node, hooks: { agent: (request) => request.query.user, router } })
    : await startPushServer({ config, node, hooks: { setup } });
process.once('SIGTERM', async () => {
  await started.close();
  process.exit();
});
process.on('message', () => {
  globalThis.gc();
  process.send({ heapUsed: process.memoryUsage().heapUsed });
});
process.send({ adminUrl: started.adminUrl });
