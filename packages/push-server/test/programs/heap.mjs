// A push-server in a process of its own, started with --expose-gc, whose heap is asked for: its settings are the first argument, as JSON.
import { startPushServer } from '@gopush/push-server';

const { push, io, url } = await startPushServer({ config: JSON.parse(process.argv[2]) });

const answers = {
  async publish({ room, count }) {
    for (let said = 0; said < count; said++) await push.toRoom(room, 'chat', said);
  },
  clients: () => io.engine.clientsCount,
  /** Bytes of the heap that are in use, and of buffers outside it. */
  async heap() {
    // What is freed by a finalizer is freed after the next turn of the event loop.
    for (let round = 0; round < 3; round++) {
      global.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};
process.on('message', async ({ ask, ...rest }) => process.send({ answer: await answers[ask](rest) }));
process.on('disconnect', () => process.exit());
process.send({ answer: url });
