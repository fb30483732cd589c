// A push-server in a process of its own, which ends as one of gopush does: its settings and its name are its arguments.
import { startPushServer } from '@gopush/push-server';

const [settings, node] = process.argv.slice(2);
const config = JSON.parse(settings);
// Other work on the machine is no reason to refuse clients.
config.pushServer = { ...config.pushServer, limits: { beginDelayMs: 0, ...config.pushServer?.limits } };
// Acks after this many milliseconds.
const setup = (io) => {
  io.on('connection', (socket) => socket.on('ask', (afterMs, done) => setTimeout(done, afterMs, 'answer')));
};
const server = await startPushServer({ config, node, setup });
const stop = async () => {
  await server.close();
  process.exit(0);
};
process.on('SIGTERM', stop);
process.once('disconnect', stop);
process.on('message', async ({ number, numbers }) => {
  for (const one of numbers ?? []) await server.push.toRoom('room', 'count', one);
  process.send?.({ number });
});
process.send({ url: server.url });
