/**
 * Measures what a message of a room costs push-servers that have no member of it: `node bench/interest.mjs [--messages 20000] [--nodes 2,4,8]`.
 *
 * One push-server publishes, one has the member, and the others have none. What is measured is CPU time, less what they use when nobody
 * says anything, over Unix sockets and, if there is a redis-server, over Redis. Messages are not kept, so that the store has no part in it.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '20000' }, nodes: { type: 'string', default: '2,4,8' } },
});
const messages = Number(values.messages);
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const redisPort = 19_379;
const kinds = {
  embedded: (at) => ({ pushServer: { fanoutDir: join(work, `f${at}`), storeDir: join(work, `s${at}`) } }),
  Redis: (at) => ({ redisAdapter: { host: '127.0.0.1', port: redisPort, prefix: `bench${at}` } }),
};
if (spawnSync('redis-server', ['--version']).error) delete kinds.Redis;
else {
  const redis = spawn('redis-server', ['--port', String(redisPort), '--save', '', '--dir', work], { stdio: 'ignore' });
  process.on('exit', () => redis.kill('SIGKILL'));
  await delay(500);
}

process.stdout.write(
  '| | push-servers | publisher, µs | with the member, µs | without, µs each |\n|---|---|---|---|---|\n',
);
let run = 0;
for (const [kind, settings] of Object.entries(kinds)) {
  for (const count of values.nodes.split(',').map(Number)) {
    const [publisher, holder, ...others] = await measure(settings(run++), count);
    const each = others.length === 0 ? Number.NaN : others.reduce((sum, one) => sum + one, 0) / others.length;
    process.stdout.write(`| ${[kind, count, ...[publisher, holder, each].map((us) => us.toFixed(1))].join(' | ')} |\n`);
  }
}
process.exit();

/** CPU time for each message on each node, in microseconds. */
async function measure(config, count) {
  const nodes = [];
  for (let index = 0; index < count; index++) nodes.push(await startNode(config));
  const member = await joinRoom(nodes[1].url, 'room');
  const usedBy = () => Promise.all(nodes.map((node) => node.ask('used')));
  // What compiles comes first.
  await Promise.all([member.has(messages / 4), nodes[0].ask('publish', { count: messages / 4, room: 'room' })]);
  await usedBy();
  const startedAt = performance.now();
  await Promise.all([member.has(messages), nodes[0].ask('publish', { count: messages, room: 'room' })]);
  const ms = performance.now() - startedAt;
  const busy = await usedBy();
  await delay(ms);
  const idle = await usedBy();
  member.close();
  await Promise.all(nodes.map((node) => node.stop()));
  return busy.map(({ us }, at) => (us - idle[at].us) / messages);
}

async function startNode(config) {
  const child = fork(new URL('peers/node.mjs', import.meta.url), [JSON.stringify({ serverPortStart: 0, ...config })]);
  const answer = async () => (await once(child, 'message'))[0].answer;
  const { url } = await answer();
  return {
    url,
    ask(ask, rest = {}) {
      const answered = answer();
      child.send({ ask, ...rest });
      return answered;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

async function joinRoom(url, room) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=member`);
  let heard = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let onAll;
  let onJoined;
  const joined = new Promise((resolve) => {
    onJoined = resolve;
  });
  socket.on('message', (data) => {
    const text = String(data);
    if (text.startsWith('0')) socket.send('40');
    else if (text.startsWith('40')) socket.send(`420["go:join","${room}"]`);
    else if (text.startsWith('430')) onJoined();
    else if (text === '2') socket.send('3');
    else if (text.startsWith('42["n"') && ++heard === wanted) onAll();
  });
  await joined;
  return {
    has(count) {
      return new Promise((resolve) => {
        heard = 0;
        wanted = count;
        onAll = resolve;
      });
    },
    close: () => socket.terminate(),
  };
}
