/**
 * Measures sessions that migrate and fail over: `node bench/migrations.mjs [--clients 2000,10000] [--servers 2] [--store embedded,redis]
 * [--how SIGTERM,SIGKILL,agent] [--agents 2] [--settings JSON] [--profile FOLDER] [--memory]`.
 *
 * For each combination the processes are started anew: so many push-servers, agents (as many as the limit of descriptors asks for), and Socket.IO
 * clients in C (bench/sessions.c), all with default settings. Then one push-server gets the signal. The table shows what became of its sessions, how
 * long their clients waited, and what it took: CPU time of each process for one session. Afterwards every client that is left has to get one event.
 * With `--how agent` and hand-offs (`--settings '{"handOff":{"enabled":true}}'`) an agent is killed instead: the table shows the
 * connections that it had a duplicate of, which of them were cut, and how long it took until all have two owners again. `--profile` writes
 * CPU profiles of all processes of gopush; `--memory` shows what a client takes before the signal and after it.
 */
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '2000,10000' },
    servers: { type: 'string', default: '2' },
    store: { type: 'string', default: 'embedded,redis' },
    how: { type: 'string', default: 'SIGTERM,SIGKILL' },
    agents: { type: 'string' },
    settings: { type: 'string', default: '{}' },
    profile: { type: 'string' },
    memory: { type: 'boolean', default: false },
  },
});
const here = (path) => new URL(path, import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
const program = join(work, 'sessions');
const mayOpen = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
/** A tunnel takes two descriptors. */
const ofOneAgent = Math.floor((mayOpen - 1_000) / 2);
/** How long no session may move before the run is over, in milliseconds. */
const quietMs = 15_000;
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});
if (spawnSync('cc', ['-O2', '-o', program, here('sessions.c')], { stdio: 'inherit' }).status !== 0) {
  process.exit(1);
}
if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });

process.stdout.write(
  `| clients, store, signal | sessions | moved | cut | a second | pause p50, p99, longest (ms) | CPU µs: agents | giving | taking |${values.memory ? ' kB a client: agents, push-servers, before → after |' : ''}\n|---|---|---|---|---|---|---|---|---|${values.memory ? '---|' : ''}\n`,
);
for (const clients of values.clients.split(',').map(Number)) {
  for (const store of values.store.split(',')) {
    for (const how of values.how.split(',')) await (how === 'agent' ? measureAgent : measure)({ clients, store, how });
  }
}
process.exit();

/** Starts all processes, and connects clients. */
async function setUp({ clients, store }) {
  const folder = mkdtempSync(join(work, 'run-'));
  const redis = store === 'redis' ? await startRedis(folder) : undefined;
  const extra = JSON.parse(values.settings);
  const settings = {
    ...extra,
    serverPortStart: 0,
    agentPort: 0,
    pushServer: { fanoutDir: folder, storeDir: join(folder, 'store'), ...extra.pushServer },
    ...(extra.handOff ? { handOff: { dir: join(folder, 'hand-off'), ...extra.handOff } } : {}),
    ...(redis ? { redisAdapter: { host: '127.0.0.1', port: redis.port } } : {}),
  };
  const servers = [];
  for (let index = 0; index < Number(values.servers); index++) {
    servers.push(await startNode('push-server', settings, `push-server-${index}`));
  }
  const agents = [];
  for (let index = 0; index < Number(values.agents ?? Math.ceil(clients / ofOneAgent)); index++) {
    agents.push(await startNode('agent', settings, `agent-${index}`, ...servers.map(({ port }) => port)));
  }
  const nodes = [...agents, ...servers];
  const before = await Promise.all(nodes.map((node) => node.memory()));
  const crowd = await connectClients(clients, agents);
  // Copies of sessions are saved, pings are under way, and heaps have settled.
  await delay(3_000);
  return { servers, agents, nodes, before, crowd };
}

async function tearDown() {
  for (const child of [...running]) child.kill('SIGKILL');
  await Promise.all([...running].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  running.clear();
}

async function measure({ clients, store, how }) {
  const name = `${clients}-${store}-${how}`;
  const { servers, agents, nodes, before, crowd } = await setUp({ clients, store });
  const connected = await Promise.all(nodes.map((node) => node.memory()));
  const [victim, ...others] = servers;
  const { clients: sessions } = await victim.ask('clients');
  if (values.profile !== undefined) await Promise.all(nodes.map((node) => node.ask('profile')));
  const left = [...agents, ...others];
  const cpuBefore = await Promise.all(left.map((node) => node.ask('used')));
  const startedAt = Date.now();
  const profiled = values.profile !== undefined && how !== 'SIGKILL';
  const ended = victim.end(how, profiled ? join(values.profile, `${name}-giving.cpuprofile`) : undefined);
  const seen = await untilSettled(agents, left, sessions, ended);
  const { cpu: cpuAfter } = seen;
  const gave = await ended;
  if (values.profile !== undefined) {
    await Promise.all(
      left.map((node) => node.ask('profiled', { file: join(values.profile, `${name}-${node.name}.cpuprofile`) })),
    );
  }
  const spent = (nodes) =>
    (nodes.reduce((sum, node) => sum + cpuAfter[left.indexOf(node)].cpuMs - cpuBefore[left.indexOf(node)].cpuMs, 0) *
      1_000) /
    Math.max(1, seen.pauses.length);
  await delay(1_000);
  const state = await check(crowd, others);
  const after = await Promise.all(left.map((node) => node.memory()));
  const pauses = seen.pauses.sort((one, other) => one - other);
  const at = (share) => Math.round(pauses[Math.min(pauses.length - 1, Math.floor(pauses.length * share))] ?? 0);
  const cut = Object.entries(seen.cut).map(([cause, count]) => `${cause}: ${count}`);
  const perSecond = Math.round((pauses.length * 1_000) / Math.max(1, seen.lastAt - startedAt));
  const kb = (nodes, from, to) =>
    (nodes.reduce((sum, node) => sum + to.get(node).rss - from.get(node).rss, 0) / 1_024 / clients).toFixed(1);
  const byNode = (list, memory) => new Map(list.map((node, index) => [node, memory[index]]));
  const [was, had, has] = [byNode(nodes, before), byNode(nodes, connected), byNode(left, after)];
  const memory = values.memory
    ? ` ${kb(agents, was, had)}, ${kb(servers, was, had)} → ${kb(agents, was, has)}, ${kb(others, was, has)} |`
    : '';
  process.stdout.write(
    `| ${clients}, ${store}, ${how} | ${sessions} | ${pauses.length} | ${state.cut}${cut.length > 0 ? ` (${cut.join(', ')})` : ''} | ${perSecond} | ${at(0.5)}, ${at(0.99)}, ${at(1)} | ${spent(agents).toFixed(0)} | ${gave === undefined ? '' : ((gave.cpuMs * 1_000) / sessions).toFixed(0)} | ${spent(others).toFixed(0)} |${memory}\n`,
  );
  if (state.events !== state.open || state.most > 1) {
    process.stderr.write(`${name}: ${state.events} events for ${state.open} clients, at most ${state.most}\n`);
  }
  for (const [line, count] of Object.entries({ ...seen.warnings, ...gave?.warnings }))
    process.stderr.write(`${name}: ${count} × ${line}\n`);
  await tearDown();
}

async function measureAgent({ clients, store }) {
  const { servers, agents, crowd } = await setUp({ clients, store });
  const owners = async () => {
    const all = await Promise.all(servers.map((server) => server.ask('owners')));
    return all.reduce((sum, { one, two }) => ({ one: sum.one + one, two: sum.two + two }), { one: 0, two: 0 });
  };
  const left = [...agents.slice(1), ...servers];
  const before = await owners();
  const [victim] = agents;
  const cpuBefore = await Promise.all(left.map((node) => node.ask('used')));
  const startedAt = Date.now();
  const ended = victim.end('SIGKILL');
  let most = 0;
  let sharedAt;
  for (;;) {
    const { one } = await owners();
    most = Math.max(most, one);
    if (one === 0 && most > 0) sharedAt ??= Date.now();
    if (sharedAt !== undefined || Date.now() - startedAt > quietMs) break;
    await delay(10);
  }
  await ended;
  const cpuAfter = await Promise.all(left.map((node) => node.ask('used')));
  const spent = (nodes) =>
    (nodes.reduce((sum, node) => sum + cpuAfter[left.indexOf(node)].cpuMs - cpuBefore[left.indexOf(node)].cpuMs, 0) *
      1_000) /
    Math.max(1, clients / agents.length);
  await delay(1_000);
  const state = await check(crowd, servers);
  const after = await owners();
  process.stdout.write(
    `| ${clients}, ${store}, SIGKILL of an agent | ${before.two} of ${before.one + before.two} with two owners, ${most} seen with one | | ${state.cut} | | two owners after ${sharedAt === undefined ? '–' : sharedAt - startedAt} ms, then ${after.two} | ${spent(agents.slice(1)).toFixed(0)} | | ${spent(servers).toFixed(0)} |\n`,
  );
  if (state.events !== state.open || state.most > 1) {
    process.stderr.write(`${state.events} events for ${state.open} clients, at most ${state.most}\n`);
  }
  await tearDown();
}

/** What became of all sessions, or of those that moved until none did for long. */
async function untilSettled(agents, nodes, sessions, ended) {
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  let [known, since, cpu] = [-1, Date.now(), undefined];
  for (;;) {
    await delay(100);
    const all = await Promise.all(agents.map((agent) => agent.ask('seen')));
    const cut = {};
    for (const one of all) for (const [cause, count] of Object.entries(one.cut)) cut[cause] = (cut[cause] ?? 0) + count;
    const pauses = all.flatMap((one) => one.pauses);
    const done = pauses.length + Object.values(cut).reduce((sum, count) => sum + count, 0);
    // What it took until the last one: other work continues.
    if (done !== known)
      [known, since, cpu] = [done, Date.now(), await Promise.all(nodes.map((node) => node.ask('used')))];
    if ((done < sessions || !hasEnded) && Date.now() - since < quietMs) continue;
    return {
      pauses,
      cut,
      cpu,
      lastAt: Math.max(...all.map(({ lastAt }) => lastAt)),
      warnings: Object.assign({}, ...all.map(({ warnings }) => warnings)),
    };
  }
}

/** Every client that is left gets one event. */
async function check(crowd, servers) {
  await crowd.ask();
  await Promise.all(servers.map((server) => server.ask('check')));
  await delay(2_000);
  return crowd.ask();
}

async function startNode(kind, settings, name, ...ports) {
  const log = openSync('/dev/null', 'w');
  const child = fork(here('peers/migrations.mjs'), [kind, JSON.stringify(settings), name, ...ports], {
    stdio: ['ignore', log, 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
  });
  running.add(child);
  const [{ port }] = await once(child, 'message');
  const next = () => once(child, 'message').then(([message]) => message);
  let last = Promise.resolve();
  const ask = (what, how = {}) => {
    last = last.then(async () => {
      const said = next();
      child.send({ ask: what, ...how });
      return (await said).answer;
    });
    return last;
  };
  return {
    name,
    port,
    ask,
    memory: () => ask('memory'),
    /** Ends it by a signal. @returns what it says when it stops by itself */
    async end(how, profile) {
      if (profile !== undefined) await ask('profileAtEnd', { file: profile });
      const exited = once(child, 'exit');
      let said;
      child.on('message', (message) => {
        if (message.stopped) said = message;
      });
      child.kill(how);
      await exited;
      running.delete(child);
      return said;
    },
  };
}

async function connectClients(clients, agents) {
  const each = Math.ceil(clients / agents.length);
  const all = agents.map(({ port }, index) => {
    const count = Math.min(each, clients - index * each);
    const child = spawn(program, [count, index * each, port].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    running.add(child);
    return { child, lines: createInterface(child.stdout) };
  });
  await Promise.all(all.map(({ lines }) => once(lines, 'line')));
  return {
    async ask() {
      const sum = { open: 0, cut: 0, events: 0, most: 0 };
      for (const { child, lines } of all) {
        const said = once(lines, 'line');
        child.stdin.write('?\n');
        const [line] = await said;
        const [open, cut, events, most] = line.match(/\d+/g).map(Number);
        sum.open += open;
        sum.cut += cut;
        sum.events += events;
        sum.most = Math.max(sum.most, most);
      }
      return sum;
    },
  };
}

async function startRedis(folder) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn(
    'redis-server',
    ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder].map(String),
    { stdio: 'ignore' },
  );
  running.add(child);
  for (let attempt = 0; attempt < 100; attempt++) {
    await delay(50);
    try {
      if (
        execFileSync('redis-cli', ['-p', String(port), 'ping'], { stdio: 'pipe' })
          .toString()
          .trim() === 'PONG'
      )
        return { port };
    } catch {}
  }
  throw new Error('redis-server does not start');
}
