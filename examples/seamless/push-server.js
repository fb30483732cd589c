/** One push-server in a process of its own: its name and settings are the arguments. */
import { setTimeout as delay } from 'node:timers/promises';
import { isMigrated, startPushServer } from 'gopush';

const [node, settings] = process.argv.slice(2);

const pushServer = await startPushServer({
  node,
  config: JSON.parse(settings),
  // Responds slowly, so that each client always waits for an ack.
  hooks: {
    async onMessage() {
      await delay(200);
      return { server: node, process: process.pid };
    },
    // Other pages are told of pages that join or leave, but not of pages whose session only migrates.
    setup(io) {
      io.on('connection', (socket) => {
        if (!isMigrated(socket)) socket.broadcast.emit('visitor', 'came');
        socket.on('disconnect', (reason) => {
          if (reason !== 'migrated') socket.broadcast.emit('visitor', 'left');
        });
      });
    },
  },
});

let closing;
const close = async () => {
  closing ??= pushServer.close().then(() => process.exit());
  await closing;
};
// Ctrl-C reaches this process too, but main.js decides when it stops.
process.on('SIGINT', () => {});
process.on('SIGTERM', close).on('disconnect', close);
process.on('message', (message) => {
  if (message === 'owners') process.send(pushServer.handedOver);
});
process.send({ port: pushServer.port });
