/** One push-server in a process of its own: its name and settings are the arguments. */
import { setTimeout as delay } from 'node:timers/promises';
import { isMigrated, startPushServer } from 'gopush';

const [node, settings] = process.argv.slice(2);

const pushServer = await startPushServer({
  node,
  config: JSON.parse(settings),
  // Takes its time to answer, so that each client always waits for an answer.
  hooks: {
    async onMessage() {
      await delay(200);
      return { server: node, process: process.pid };
    },
    // Other pages are told of pages that come or leave, and of none whose session only migrates.
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
// Ctrl-C reaches this process as well; main.js says when.
process.on('SIGINT', () => {});
process.on('SIGTERM', close).on('disconnect', close);
process.send({ port: pushServer.port });
