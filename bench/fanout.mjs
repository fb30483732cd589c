/**
 * Measures what a push-server sends: `node bench/fanout.mjs [--rounds 7] [--clients 2000] [--idle 3000] [--ms 1500]`.
 *
 * Beside it are stock Socket.IO, and bare `ws` sending one frame that was encoded before; also a push-server as a user runs it, where each
 * client is a user with a session, an inbox and presence, behind an agent: once with tunnels and once with clients that were handed over.
 * CPU time is that of the server alone. Each server is one process on core 0; its
 * clients, an epoll program in C (bench/receivers.c) that compares every byte, are on core 1. Rounds are interleaved, so that a machine
 * that drifts does so for all. Writes bench/fanout.json and prints a table: medians, and the medians of each round's ratio to Socket.IO.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    clients: { type: 'string', default: '2000' },
    idle: { type: 'string', default: '3000' },
    ms: { type: 'string', default: '1500' },
  },
});
const [rounds, clients, idle, ms] = [values.rounds, values.clients, values.idle, values.ms].map(Number);
const here = (path) => new URL(path, import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const receivers = join(work, 'receivers');
const [whole, handed] = ['push-server', 'handed over'];
const peers = ['ours', 'socket.io', 'ws', whole, handed];
/** Deliveries a second: of how many events a turn, and whether to a room or socket by socket. */
const cases = {
  'one event': { events: 1, to: 'room' },
  'four at once': { events: 4, to: 'room' },
  'four at once, socket.emit': { events: 4, to: 'each' },
};
const memory = 'kB per idle client';
const results = {};

for (const [tool, why] of [
  ['cc', 'compiles the clients'],
  ['taskset', 'gives each its core'],
]) {
  if (spawnSync(tool, ['--version']).error) fail(`${tool} is missing: it ${why}`);
}
if (cpus().length < 2) fail('two cores are needed: one for the server, one for its clients');
if (spawnSync('cc', ['-O2', '-o', receivers, here('receivers.c')], { stdio: 'inherit' }).status !== 0) {
  fail('receivers.c does not compile');
}

for (let round = 1; round <= rounds; round++) {
  // Who begins changes: what comes first finds another machine than what comes last.
  for (const peer of peers.map((_, at) => peers[(at + round) % peers.length])) {
    await measureMemory(peer, round);
    await measure(peer, round);
  }
}
writeFileSync(
  here('fanout.json'),
  `${JSON.stringify({ node: process.version, cpu: cpus()[0].model, clients, idle, results }, null, 2)}\n`,
);
process.stdout.write(table());

async function measureMemory(peer, round) {
  const server = await startServer(peer);
  // The first ones make V8's young generation grow to its full size, which is not the price of a client.
  const first = await connectClients(server, idle / 2);
  const before = await residentKb(server.pid);
  const others = await connectClients(server, idle, idle / 2);
  note(round, memory, peer, ((await residentKb(server.pid)) - before) / idle);
  await others.stop(idle / 2);
  await first.stop();
  await server.stop();
}

/** All cases of speed with one server process. */
async function measure(peer, round) {
  const server = await startServer(peer);
  const audience = await connectClients(server, clients);
  for (const [name, { events, to }] of Object.entries(cases)) {
    const { size, hex } = await server.ask({ ask: 'frame' });
    audience.expect(size * clients * events, hex);
    // The first one shows that all is delivered as it should be, has all compiled, and says how many rounds take the wanted time.
    const trial = 40;
    const { ms: took } = await server.ask({ ask: 'run', rounds: trial, events, to });
    const turns = Math.ceil((trial * ms) / took);
    const measured = await server.ask({ ask: 'run', rounds: turns, events, to });
    const deliveries = turns * events * clients;
    note(round, name, peer, deliveries / (measured.ms / 1_000));
    note(round, `${name}, of CPU time`, peer, deliveries / (measured.cpuMs / 1_000));
  }
  await audience.stop();
  await server.stop();
}

/** A server, and the agent before it, if it is one that has agents. */
async function startServer(peer) {
  if (peer !== whole && peer !== handed) return startProcess(peer, here('peers/fanout.mjs'), [peer]);
  const dir = mkdtempSync(join(work, 'hand-off-'));
  const server = await startProcess(peer, here('peers/fanout.mjs'), [whole, ...(peer === handed ? [dir] : [])]);
  const settings = { agentPort: 0, handOff: { enabled: peer === handed, dir } };
  const agent = await startProcess('agent', here('peers/migrations.mjs'), [
    'agent',
    JSON.stringify(settings),
    'agent',
    String(server.port),
  ]);
  return {
    ...server,
    port: agent.port,
    async stop() {
      await server.stop();
      await agent.stop();
    },
  };
}

async function startProcess(name, script, args) {
  // Started by taskset rather than moved, so that Node's own threads are on its core, too.
  const child = fork(script, args, {
    execPath: 'taskset',
    execArgv: ['-c', '0', process.execPath, '--expose-gc'],
    // What a push-server keeps goes when our own folder goes.
    env: { ...process.env, TMPDIR: work },
    // The agent logs a line for each client.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  died.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), died]))[0];
  const { port } = await answer();
  return {
    port,
    pid: child.pid,
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

async function connectClients(server, count, already = 0) {
  const path = '/socket.io/?EIO=4&transport=websocket';
  const child = spawn(
    'taskset',
    ['-c', '1', receivers, String(server.port), String(count), `${path}&uid=u${already}-`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.on('exit', (code) => code > 0 && fail('what was delivered is wrong'));
  await once(child.stdout, 'data');
  child.stdout.on('data', (dots) => server.tell({ ask: 'arrived', rounds: dots.length }));
  const present = async (wanted) => {
    while ((await server.ask({ ask: 'count' })).count !== wanted) await delay(20);
    // What greets a client is not to be taken for an event.
    await delay(200);
  };
  await present(already + count);
  return {
    /** The bytes of a round, if every frame is the same, or else its frames. */
    expect: (size, hex) => child.stdin.write(hex === undefined ? `${size}\n` : `${size} ${hex}\n`),
    async stop(others = 0) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await present(others);
    },
  };
}

/** What a process has in memory after its heap has settled. */
async function residentKb(pid) {
  for (let turn = 0; turn < 3; turn++) {
    process.kill(pid, 'SIGUSR2');
    await delay(300);
  }
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

function note(round, name, peer, value) {
  results[name] ??= {};
  results[name][peer] ??= [];
  results[name][peer].push(value);
  process.stderr.write(`round ${round}  ${name.padEnd(40)} ${peer.padEnd(10)} ${value.toFixed(1)}\n`);
}

function table() {
  const rows = Object.entries(results).map(([name, byPeer]) => {
    const cells = peers.map((peer) => {
      const value = median(byPeer[peer]);
      const ratio = median(byPeer[peer].map((one, at) => one / byPeer['socket.io'][at])).toFixed(2);
      return name === memory ? `${value.toFixed(1)} (${ratio})` : `${(value / 1_000).toFixed(0)}k (${ratio})`;
    });
    const ratio = (one, other) => median(byPeer[one].map((value, at) => value / byPeer[other][at])).toFixed(2);
    return `| ${[name, ...cells, ratio('ours', 'ws'), ratio(handed, whole)].join(' | ')} |`;
  });
  return `| | ${[...peers, 'ours / ws', `${handed} / ${whole}`].join(' | ')} |\n|${'---|'.repeat(peers.length + 3)}\n${rows.join('\n')}\n`;
}

function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function fail(text) {
  process.stderr.write(`bench: ${text}\n`);
  process.exit(1);
}
