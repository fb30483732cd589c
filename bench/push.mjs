/**
 * Measures two push-servers together: `node bench/push.mjs [--rounds 3] [--clients 10,500] [--ms 1000] [--only rooms,users]`.
 *
 * Each round starts two processes anew for each way to join them: our embedded store and fan-out, Redis (one of its own, that writes nothing
 * to a disk), and stock Socket.IO with its Redis adapter. One server says everything, clients of both get it: an epoll program in C
 * (bench/members.c) that takes every message apart and ends when one is missing, twice or out of order: few clients on each, where joining
 * the servers is the work, and many, where writing to clients is. Then messages to users, said by both. Rounds are interleaved, so that a
 * machine that drifts does so for all. Writes bench/push.json and prints tables of medians.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '10,500' },
    ms: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'rooms,users' },
  },
});
const [rounds, ms] = [values.rounds, values.ms].map(Number);
/** Clients on each server: once for each number; the last one is for messages to users as well. */
const sizes = values.clients.split(',').map(Number);
const most = sizes.at(-1);
const here = (path) => new URL(path, import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
const members = join(work, 'members');
const peers = ['embedded', 'Redis', 'embedded, no history', 'Redis, no history', 'Socket.IO + Redis'];
const stores = ['embedded', 'Redis'];
/** How many messages are on their way at a time. */
const windows = { 'one at a time': 1, '32 at a time': 32 };
const ways = {
  'toUser, 1,000 a second': { perSecond: 1_000, options: {} },
  'inbox, 200 a second': { perSecond: 200, options: { deliver: 'store' } },
};
const usersMs = 3_000;
/** Numbers of one user's messages. */
const stride = 1_000_000;
const [throughput, latencies] = [{}, {}];

for (const [tool, why] of [
  ['cc', 'compiles the clients'],
  ['redis-server', 'is what is compared with'],
]) {
  if (spawnSync(tool, ['--version']).error) fail(`${tool} is missing: it ${why}`);
}
if (spawnSync('cc', ['-O2', '-o', members, here('members.c')], { stdio: 'inherit' }).status !== 0) {
  fail('members.c does not compile');
}
const redis = await startRedis();
process.on('exit', () => {
  redis.child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});

for (let round = 1; round <= rounds; round++) {
  // Who begins changes: what comes first finds another machine than what comes last.
  const turned = (list) => list.map((_, at) => list[(at + round) % list.length]);
  if (values.only.includes('rooms')) {
    for (const clients of sizes) for (const peer of turned(peers)) await measureRooms(peer, round, clients);
  }
  if (values.only.includes('users')) for (const store of turned(stores)) await measureUsers(store, round);
}
writeFileSync(
  here('push.json'),
  `${JSON.stringify({ node: process.version, cpu: cpus()[0].model, sizes, throughput, latencies }, null, 2)}\n`,
);
process.stdout.write(`${throughputTable()}\n${latencyTable()}`);
process.exit();

/** Messages said on one server, given to all clients of both. */
async function measureRooms(peer, round, clients) {
  const servers = await startServers(peer, round);
  const [speaker] = servers;
  const program = await connectClients(servers, clients, 0, 'news');
  await until(servers, 'members', clients);
  program.onDots((count) => speaker.tell({ ask: 'arrived', count }));
  // The first ones show that all is delivered as it should be, and have all compiled.
  let said = 40;
  await speaker.ask({ ask: 'run', messages: said, window: 1 });
  if (peer !== 'Socket.IO + Redis') await verifyHistory(servers, peer.includes('no history') ? 0 : Math.min(said, 100));
  for (const [pace, window] of Object.entries(windows)) {
    const name = `${2 * clients} clients, ${pace}`;
    // How many take the wanted time.
    const trial = 8 * window + 40;
    const { ms: took } = await speaker.ask({ ask: 'run', messages: trial, window });
    const messages = Math.ceil((trial * ms) / took);
    const before = await cpuTimes(servers);
    const { ms: measured } = await speaker.ask({ ask: 'run', messages, window });
    const after = await cpuTimes(servers);
    said += trial + messages;
    const deliveries = messages * 2 * clients;
    note(throughput, name, peer, {
      perSecond: deliveries / (measured / 1_000),
      serverMicroseconds: ((after.servers - before.servers) * 1_000) / deliveries,
      redisMicroseconds: ((after.redis - before.redis) * 1_000) / deliveries,
    });
    process.stderr.write(
      `round ${round}  ${name.padEnd(32)} ${peer.padEnd(22)} ${(deliveries / measured).toFixed(0)}k/s\n`,
    );
  }
  if (program.arrived() !== said) fail(`${peer}: ${program.arrived()} of ${said} messages came to all`);
  await stop(servers, program);
}

/** Both servers keep the same, and as much as the settings say. */
async function verifyHistory(servers, wanted) {
  for (const server of servers) {
    const { ok, value } = await server.ask({ ask: 'history' });
    if (!ok || value.messages.length !== wanted)
      fail(`a history of ${value?.messages.length} messages instead of ${wanted}`);
    value.messages.forEach(({ message }, at) => {
      if (message.n !== at + 1) fail('what is kept is out of order');
    });
  }
}

/** How old messages to random users are when they come to them. Each server speaks to half of the users of each. */
async function measureUsers(store, round) {
  for (const [name, { perSecond, options }] of Object.entries(ways)) {
    const servers = await startServers(store, round);
    const program = await connectClients(servers, most, stride, '-');
    await until(servers, 'clients', most);
    await delay(500);
    const from = servers.map(() => ({}));
    const say = async (forMs) => {
      const count = Math.round((perSecond * forMs) / 1_000 / 2);
      program.ages.length = 0;
      await Promise.all(
        servers.map((server, at) => {
          const pick = () => 4 * Math.floor((Math.random() * 2 * most) / 4) + 2 * at + Math.floor(Math.random() * 2);
          const list = Array.from({ length: count }, pick);
          const counted = { ...from[at] };
          for (const user of list) from[at][user] = (from[at][user] ?? 0) + 1;
          return server.ask({ ask: 'users', list, perSecond: perSecond / 2, options, stride, from: counted });
        }),
      );
      const deadline = Date.now() + 10_000;
      while (program.ages.length < 2 * count && Date.now() < deadline) await delay(20);
      // What comes twice may come later.
      await delay(200);
      if (program.ages.length !== 2 * count) fail(`${store}: ${program.ages.length} of ${2 * count} messages came`);
    };
    await say(1_000);
    const before = await cpuTimes(servers);
    await say(usersMs);
    const after = await cpuTimes(servers);
    const sorted = program.ages.toSorted((a, b) => a - b);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] / 1_000;
    const figures = {
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
      serverMicroseconds: ((after.servers - before.servers) * 1_000) / sorted.length,
      redisMicroseconds: ((after.redis - before.redis) * 1_000) / sorted.length,
    };
    note(latencies, name, store, figures);
    process.stderr.write(
      `round ${round}  ${name.padEnd(24)} ${store.padEnd(22)} ${figures.p50.toFixed(1)} ${figures.p99.toFixed(1)} ms\n`,
    );
    await stop(servers, program);
  }
}

async function startServers(peer, round) {
  const folder = mkdtempSync(join(work, 'run-'));
  const isOurs = peer !== 'Socket.IO + Redis';
  const settings = {
    serverPortStart: 0,
    pushServer: {
      pingIntervalMs: 60_000,
      fanoutDir: folder,
      storeDir: join(folder, 'store'),
      ...(peer.includes('no history') ? { history: { count: 0 } } : {}),
    },
    ...(peer.includes('Redis') ? { redisAdapter: { host: '127.0.0.1', port: redis.port } } : {}),
  };
  if (isOurs && peer.includes('Redis')) settings.redisAdapter.prefix = `bench-${round}-${folder.slice(-6)}`;
  const servers = [];
  for (let at = 0; at < 2; at++) servers.push(await startServer(isOurs ? 'ours' : 'socket.io', settings));
  return servers;
}

async function startServer(kind, settings) {
  const profile =
    process.env.BENCH_PROFILE === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`];
  const child = fork(here('peers/push.mjs'), [kind, JSON.stringify(settings)], { execArgv: profile });
  const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`a server ended with ${code}`)));
  died.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), died]))[0];
  const { port } = await answer();
  return {
    port,
    ask(question) {
      const answered = answer();
      child.send(question);
      return answered;
    },
    tell: (what) => child.send(what),
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

async function connectClients(servers, clients, stride, room) {
  const ports = servers.map(({ port }) => String(port));
  const child = spawn(members, [String(2 * clients), String(stride), room, ...ports], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.on('exit', (code) => code > 0 && fail('what was delivered is wrong'));
  await once(child.stdout, 'data');
  let arrived = 0;
  let onDots = () => {};
  let rest = '';
  const ages = [];
  child.stdout.setEncoding('latin1').on('data', (text) => {
    if (text[0] === '.') {
      arrived += text.length;
      onDots(text.length);
      return;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) ages.push(Number(line));
  });
  return {
    ages,
    arrived: () => arrived,
    onDots(listener) {
      onDots = listener;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Resolves when all are there, and what greets them has gone out. */
async function until(servers, what, clients) {
  for (const server of servers) while ((await server.ask({ ask: 'count' }))[what] !== clients) await delay(20);
  await delay(300);
}

async function stop(servers, program) {
  await program.stop();
  await Promise.all(servers.map((server) => server.stop()));
}

/** CPU time that the servers and Redis have had, in milliseconds. */
async function cpuTimes(servers) {
  const times = await Promise.all(servers.map((server) => server.ask({ ask: 'cpu' })));
  // Of the second field on, which may have spaces in it, the 12th and 13th are ticks of 10 ms.
  const fields = readFileSync(`/proc/${redis.child.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return {
    servers: times.reduce((sum, time) => sum + time.ms, 0),
    redis: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

async function startRedis() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', work, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', own, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.on('exit', () => fail('redis-server ended'));
  let said = '';
  while (!said.includes('Ready to accept')) said += (await once(child.stdout, 'data'))[0];
  child.stdout.resume();
  return { port, child };
}

function note(results, name, peer, value) {
  results[name] ??= {};
  results[name][peer] ??= [];
  results[name][peer].push(value);
}

/** Deliveries a second, by the clock and of CPU time, beside those of Redis in the same round. */
function throughputTable() {
  const rows = Object.entries(throughput).flatMap(([name, byPeer]) =>
    peers.map((peer) => {
      const list = byPeer[peer];
      const other = byPeer[peer.includes('no history') ? 'Redis, no history' : 'Redis'];
      const kept = byPeer[peer.replace(', no history', '')];
      const cpu = (one) => one.serverMicroseconds + one.redisMicroseconds;
      const ratio = (of) => median(list.map((one, at) => of(one, at))).toFixed(2);
      return [
        `${name}, ${peer}`,
        `${(median(list.map((one) => one.perSecond)) / 1_000).toFixed(0)}k`,
        ratio((one, at) => one.perSecond / other[at].perSecond),
        median(list.map((one) => one.serverMicroseconds)).toFixed(1),
        median(list.map((one) => one.redisMicroseconds)).toFixed(1),
        ratio((one, at) => cpu(other[at]) / cpu(one)),
        kept === list ? '' : ratio((one, at) => kept[at].perSecond / one.perSecond),
        kept === list ? '' : ratio((one, at) => cpu(one) / cpu(kept[at])),
      ];
    }),
  );
  return rows.length === 0
    ? ''
    : markdown(
        [
          '',
          'deliveries/s',
          'to Redis',
          'µs CPU of servers',
          'µs CPU of Redis',
          'CPU to Redis',
          'history on / off',
          'the same, CPU',
        ],
        rows,
      );
}

function latencyTable() {
  const rows = Object.entries(latencies).flatMap(([name, byStore]) =>
    stores.map((store) => {
      const list = byStore[store];
      const ms = (field) => median(list.map((one) => one[field])).toFixed(1);
      const ratio = median(list.map((one, at) => byStore.Redis[at].p50 / one.p50)).toFixed(2);
      return [
        `${name}, ${store}`,
        ms('p50'),
        ms('p99'),
        ms('max'),
        ratio,
        ms('serverMicroseconds'),
        ms('redisMicroseconds'),
      ];
    }),
  );
  return rows.length === 0
    ? ''
    : markdown(['', 'p50 ms', 'p99 ms', 'max ms', 'p50 to Redis', 'µs CPU of servers', 'µs CPU of Redis'], rows);
}

function markdown(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function fail(text) {
  process.stderr.write(`bench: ${text}\n`);
  process.exit(1);
}
