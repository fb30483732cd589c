// A push-server whose CPU time is asked for: its settings are the first argument, as JSON.
import { startPushServer } from '@gopush/push-server';

const { push, io, url } = await startPushServer({ config: JSON.parse(process.argv[2]) });
let since = process.cpuUsage();

const answers = {
  /** CPU time since the last question, in microseconds, and the longest pause of the event loop, in milliseconds. */
  used() {
    const { user, system } = process.cpuUsage(since);
    since = process.cpuUsage();
    const paused = longest;
    longest = 0;
    return { us: user + system, longest: paused, clients: io.engine.clientsCount };
  },
  /** Says so many messages to a room, a few in each turn. */
  async publish({ count, room, keep = 'no' }) {
    for (let said = 0; said < count; said++) {
      void push.toRoom(room, 'n', said, { keep });
      if (said % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
    }
    return {};
  },
};
let longest = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - last - 10);
  last = now;
}, 10).unref();
process.on('message', async ({ ask, ...rest }) => process.send({ answer: await answers[ask](rest) }));
process.on('disconnect', () => process.exit());
process.send({ answer: { url } });
