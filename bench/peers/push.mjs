/**
 * A server of the push benchmark: `node peers/push.mjs ours|socket.io SETTINGS`, with settings as JSON. It is asked by messages and answers
 * each with one.
 */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startPushServer } from '@gopush/push-server';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const [kind, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const room = 'news';
const { port, io, say, push } = await (kind === 'ours' ? ours() : stock());

let arrived = 0;
let onArrival = () => {};
/** The number that the members of the room are to get next. */
let next = 1;

const asked = {
  async count() {
    return {
      members: io.of('/').adapter.rooms.get(kind === 'ours' ? `r:${room}` : room)?.size ?? 0,
      clients: io.engine.clientsCount,
    };
  },
  async cpu() {
    const { user, system } = process.cpuUsage();
    return { ms: (user + system) / 1_000 };
  },
  async history() {
    return await push.history(room, 0, 100_000);
  },
  /** Says that many messages to the room, with so many on their way at a time. */
  async run({ messages, window }) {
    arrived = 0;
    const start = performance.now();
    const said = [];
    for (let at = 0; at < messages; at++) {
      while (at - arrived >= window) await new Promise((resolve) => (onArrival = resolve));
      said.push(say({ n: next++, user: 'ann', text: 'hello, everyone' }));
    }
    while (arrived < messages) await new Promise((resolve) => (onArrival = resolve));
    const ms = performance.now() - start;
    check(await Promise.all(said));
    return { ms };
  },
  /** Says so many messages a second to users, each at its time; `t` is when that was, not when there was time for it. */
  async users({ list, perSecond, options, stride, from }) {
    const start = performance.now();
    const toClock = Number(process.hrtime.bigint() / 1_000n) - start * 1_000;
    const said = [];
    while (said.length < list.length) {
      const due = start + (said.length * 1_000) / perSecond;
      if (due > performance.now()) {
        await delay(1);
        continue;
      }
      const user = list[said.length];
      from[user] = (from[user] ?? 0) + 1;
      const message = { n: user * stride + from[user], t: Math.round(due * 1_000 + toClock) };
      said.push(push.toUser(`u${user}`, 'news', message, options));
    }
    check(await Promise.all(said));
    return { ms: performance.now() - start };
  },
};

process.on('message', async ({ ask, ...how }) => {
  if (ask !== 'arrived') {
    process.send(await asked[ask](how));
    return;
  }
  arrived += how.count;
  onArrival();
});
process.on('disconnect', () => process.exit());
process.send({ port });

function check(results) {
  const bad = results.find((result) => result !== undefined && !result.ok);
  if (bad !== undefined) throw new Error(`not said: ${JSON.stringify(bad)}`);
}

async function ours() {
  const server = await startPushServer({ config: settings });
  const isKept = settings.pushServer.history?.count !== 0;
  return {
    ...server,
    async say(message) {
      const said = await server.push.toRoom(room, 'news', message);
      if (said.ok && (said.value.position !== null) !== isKept)
        throw new Error('kept, or not kept, against the settings');
      return said;
    },
  };
}

async function stock() {
  const http = createServer();
  const [publisher, subscriber] = [new Redis(settings.redisAdapter), new Redis(settings.redisAdapter)];
  const io = new Server(http, { adapter: createAdapter(publisher, subscriber) });
  io.on('connection', (socket) => socket.on('go:join', (name) => socket.join(name)));
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { port: http.address().port, io, say: (message) => void io.to(room).emit('news', message) };
}
