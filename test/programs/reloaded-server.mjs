// A push-server in a process of its own, on a given port, that stops as SIGTERM says. Its settings are the argument, as JSON.
import { startPushServer } from '@gopush/push-server';

const server = await startPushServer({ config: JSON.parse(process.argv[2]), node: `server-${process.pid}` });
const stop = async () => {
  await server.close();
  process.disconnect();
};
process.once('SIGTERM', stop);
// Stops, and stands still when it is about to continue with that, for longer than a stop is announced: as on a machine that is short of CPU time.
process.once('message', () => {
  void stop();
  setTimeout(() => {
    process.send('standing still');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  }, 100);
});
process.send({ port: server.port });
