/**
 * Measures the agent beside its peers:
 * `node bench/run.mjs [--rounds 3] [--ms 3000] [--by cpu] [--only tunnel,latency,…] [--peers agent,nginx] [--target node]`.
 *
 * Each proxy is one process on core 0; the load and the target are on core 1. Rounds are interleaved, so that a machine that drifts does so
 * for all. `direct` goes past every proxy: it shows what load and target can do. With `--by cpu` a figure is what a proxy does in a second
 * of its CPU time, which tells more on a machine that has other work. With `--target node` the target is a Node server (`ws`) on the core of
 * the proxies, as on a host that runs both: what a proxy costs is taken from the server, and connections can be handed over to it; with
 * `--by cpu` as well, the CPU time is that of both together. Writes
 * bench/results.json (bench/results-node.json) and prints the table of docs/performance.md: medians, and ratios to nginx.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    ms: { type: 'string', default: '3000' },
    by: { type: 'string', default: 'clock' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    target: { type: 'string', default: 'c' },
  },
});
const here = (path) => new URL(path, import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const load = join(work, 'load');
const [targetPort, proxyPort, resumablePort] = [19_100, 19_200, 19_101];
/** Each tunnel takes two descriptors of its proxy, which has some of its own, too. */
const spare = 200;
const mayOpen = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
const tunnels = Math.min(10_000, Math.floor((mayOpen - spare) / 2));

const node = (script, ...args) => [
  process.execPath,
  '--expose-gc',
  here(`peers/${script}.mjs`),
  String(proxyPort),
  String(targetPort),
  ...args,
];
const configured = (file) => {
  const path = join(work, file);
  const text = readFileSync(here(`peers/${file}`), 'utf8');
  writeFileSync(
    path,
    text
      .replaceAll('{port}', proxyPort)
      .replaceAll('{target}', targetPort)
      .replaceAll('{dir}', work)
      .replaceAll('{descriptors}', 2 * tunnels + spare)
      .replaceAll('{clients}', tunnels + spare / 4),
  );
  return path;
};
const peers = {
  direct: undefined,
  nginx: () => ['nginx', '-c', configured('nginx.conf')],
  HAProxy: () => ['haproxy', '-f', configured('haproxy.cfg')],
  agent: () => node('agent'),
  'handed over': () => node('agent', 'handed', String(targetPort), work),
  pipe: () => node('pipe'),
  httpxy: () => node('httpxy'),
  'http-proxy-3': () => node('http-proxy-3'),
  'agent, no lines': () => node('agent', 'quiet'),
  'agent that walks no frames': () => node('agent', 'blind'),
  'agent, target can resume': () => node('agent', 'plain', resumablePort),
  'agent, Express hook': () => node('agent', 'express'),
  'Express + http-proxy-3': () => node('http-proxy-3', 'express'),
};
// What is compared for HTTP alone.
const forHttp = ['agent, no lines', 'agent, Express hook', 'Express + http-proxy-3'];
// What it costs to be ready to move a session.
const forWalking = ['agent that walks no frames', 'agent, target can resume'];
const isNodeTarget = options.target === 'node';
const handed = 'handed over';
const plain = Object.keys(peers).filter(
  (name) => !forHttp.includes(name) && !forWalking.includes(name) && (isNodeTarget || name !== handed),
);
const cases = {
  'tunnel 64 B, 100': { kind: 'tunnel', args: ['ws', 100, 64, 1], peers: plain },
  'tunnel 64 B, 1000': { kind: 'tunnel', args: ['ws', 1_000, 64, 1], peers: plain },
  'tunnel 64 B, window 8': { kind: 'tunnel', args: ['ws', 100, 64, 8], peers: plain },
  'tunnel 16 KB': { kind: 'tunnel', args: ['ws', 50, 16_384, 1], peers: plain },
  'frames walked, window 1': { kind: 'walking', args: ['ws', 100, 64, 1], peers: ['agent', ...forWalking] },
  'frames walked, window 8': { kind: 'walking', args: ['ws', 100, 64, 8], peers: ['agent', ...forWalking] },
  'latency 64 B, 5,000/s': { kind: 'latency', args: ['paced', 100, 64, 5_000], peers: plain },
  'latency 64 B, 20,000/s': { kind: 'latency', args: ['paced', 100, 64, 20_000], peers: plain },
  upgrades: { kind: 'upgrades', args: ['upgrades', 32], peers: plain },
  'HTTP 1 KB': {
    kind: 'http',
    args: ['http', 64],
    peers: [...plain.filter((name) => name !== 'pipe' && name !== handed), ...forHttp],
  },
  [`${tunnels.toLocaleString('en')} idle tunnels`]: {
    kind: 'memory',
    peers: plain.filter((name) => name !== 'direct'),
  },
};
const measures = { latency: measureLatency, memory: measureMemory };

for (const [tool, why] of [
  ['cc', 'compiles the load'],
  ['taskset', 'gives each its core'],
]) {
  if (spawnSync(tool, ['--version']).error) fail(`${tool} is missing: it ${why}`);
}
if (cpus().length < 2) fail('two cores are needed: one for the proxy, one for load and target');
if (spawnSync('cc', ['-O2', '-o', load, here('load.c')], { stdio: 'inherit' }).status !== 0)
  fail('load.c does not compile');

const chosen = options.peers === '' ? Object.keys(peers) : options.peers.split(',');
const present = chosen.filter(
  (name) => !['nginx', 'HAProxy'].includes(name) || !spawnSync(name.toLowerCase(), ['-v']).error,
);
const kinds =
  options.only === '' ? ['tunnel', 'walking', 'latency', 'upgrades', 'http', 'memory'] : options.only.split(',');
const notReadable = 'not readable here';
const results = {};

const target = isNodeTarget
  ? start(
      ['taskset', '-c', '0', process.execPath, here('peers/echo.mjs'), String(targetPort), '0', work],
      'ignore',
      'ignore',
    )
  : start(['taskset', '-c', '1', load, 'target', String(targetPort)]);
const resumable = start(['taskset', '-c', '1', load, 'target', String(resumablePort), 'resumes']);
process.on('exit', () => {
  for (const { child } of [target, resumable]) child.kill('SIGKILL');
});
await Promise.all([target.ready, resumable.ready]);
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const [name, { kind, args, peers: compared }] of Object.entries(cases)) {
    if (!kinds.includes(kind)) continue;
    for (const peer of compared.filter((one) => present.includes(one))) {
      if (kind in measures) {
        const figures = await measures[kind](peer, args);
        for (const [figure, value] of Object.entries(figures)) note(round, `${name}, ${figure}`, peer, value);
      } else note(round, name, peer, await measure(peer, args));
    }
  }
}
writeFileSync(
  here(isNodeTarget ? 'results-node.json' : 'results.json'),
  `${JSON.stringify({ node: process.version, cpu: cpus()[0].model, tunnels, results }, null, 2)}\n`,
);
process.stdout.write(table());
process.exit();

/** Messages, upgrades or requests a second through a peer. */
async function measure(peer, args) {
  const { answer, used, proxied } = await run(peer, args);
  if (answer === undefined) return Number.NaN;
  if (options.by === 'clock') return answer.perSecond;
  return proxied || isNodeTarget ? Math.round((answer.perSecond * Number(options.ms)) / 1_000 / used) : Number.NaN;
}

/** How long echoes take at a fixed rate; "sent late" is how much of that the load itself may be the reason for. */
async function measureLatency(peer, args) {
  const { answer } = await run(peer, args);
  if (answer === undefined) return { 'p50 µs': Number.NaN, 'p99 µs': Number.NaN };
  const named = (parts, prefix) => Object.entries(parts).map(([part, value]) => [`${prefix}${part} µs`, value]);
  return {
    ...Object.fromEntries([...named(answer.took, ''), ...named(answer.late, 'sent late: ')]),
    messages: answer.messages,
  };
}

/** Runs the load against a peer; without an answer if the load found something wrong. */
async function run(peer, [what, ...rest]) {
  const proxy = await startPeer(peer);
  const cpuUsed = () => cpuSeconds(proxy?.pid()) + (isNodeTarget ? cpuSeconds(target.child.pid) : 0);
  try {
    const port = proxy === undefined ? targetPort : proxyPort;
    const child = spawn('taskset', ['-c', '1', load, what, port, ...rest, options.ms].map(String), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    let cpuBefore = 0;
    child.stdout.on('data', (text) => {
      if (said === '') cpuBefore = cpuUsed();
      said += text;
    });
    const [code] = await once(child, 'close');
    const used = cpuUsed() - cpuBefore;
    const answer = code === 0 ? JSON.parse(said.slice(said.indexOf('{'))) : undefined;
    return { answer: answer?.failures === 0 ? answer : undefined, used, proxied: proxy !== undefined };
  } finally {
    await proxy?.stop();
  }
}

/** What idle tunnels take: in the process of the proxy, and in the kernel beyond what the same connections take without a proxy. */
async function measureMemory(peer) {
  const direct = await growthByTunnels(undefined);
  const proxied = await growthByTunnels(peer);
  const each = (kb) => Number((kb / tunnels).toFixed(1));
  return {
    'kB each': each(proxied.process),
    'kernel kB each': Number.isNaN(direct.kernel) ? notReadable : each(proxied.kernel - direct.kernel),
  };
}

/** What the process of a peer and the kernel grow by when all idle tunnels are open, in kB, after the heap has settled. */
async function growthByTunnels(peer) {
  const proxy = await startPeer(peer);
  const port = String(proxy === undefined ? targetPort : proxyPort);
  const taken = async () => {
    await settle(proxy?.pid());
    return { process: proxy === undefined ? 0 : residentKb(proxy.pid()), kernel: kernelKb() };
  };
  try {
    // Once through everything, so that what is loaded and compiled for the first tunnel is not counted.
    spawnSync('taskset', ['-c', '1', load, 'ws', port, 50, 64, 1, 500].map(String));
    const before = await taken();
    const holder = start(['taskset', '-c', '1', load, 'idle', port, String(tunnels)], 'pipe');
    await holder.ready;
    const after = await taken();
    holder.child.stdin.end();
    await once(holder.child, 'exit');
    return { process: after.process - before.process, kernel: after.kernel - before.kernel };
  } finally {
    await proxy?.stop();
  }
}

/**
 * What the kernel has in objects that it cannot give up: sockets, files, what epoll keeps of them. Everyone may read it, unlike
 * /proc/slabinfo, and no use of files moves it, unlike all of Slab: there each reading of a folder leaves something behind. So what a
 * socket has among the reclaimable is missing, its inode and its name, 1 kB, the same for every proxy. Pages of TCP (/proc/net/sockstat)
 * are what may be queued, not what is taken, and none for idle sockets. NaN if the kernel does not tell, as in some sandboxes.
 */
function kernelKb() {
  const kb = /SUnreclaim:\s+([1-9]\d*)/.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(kb?.[1]);
}

async function settle(pid) {
  const isNode = pid !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('node');
  for (let turn = 0; turn < 3; turn++) {
    if (isNode) process.kill(pid, 'SIGUSR2');
    await delay(400);
  }
}

/** CPU time that a process has used, in seconds. */
function cpuSeconds(pid) {
  if (pid === undefined) return 0;
  const [, rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  // utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentKb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

async function startPeer(name) {
  if (peers[name] === undefined) return undefined;
  const command = peers[name]();
  const isNode = command[0] === process.execPath;
  // Their lines go to a file, as users have it; a fourth descriptor tells that they are ready.
  const lines = openSync(join(work, 'lines.log'), 'w');
  const started = start(['taskset', '-c', '0', ...command], 'ignore', lines);
  closeSync(lines);
  if (isNode) await started.ready;
  else await delay(400);
  return {
    // nginx serves in a child of its own.
    pid: () => {
      const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(started.child.pid)], {
        encoding: 'utf8',
      }).stdout.trim();
      return isNode || children === '' ? started.child.pid : Number(children.split(/\s+/)[0]);
    },
    async stop() {
      if (started.child.exitCode !== null) fail(`${name} ended by itself`);
      const exited = once(started.child, 'exit');
      started.child.kill(isNode ? 'SIGKILL' : 'SIGTERM');
      await exited;
      await delay(100);
    },
  };
}

function start([command, ...args], stdin = 'ignore', stdout = 'pipe') {
  // What a peer writes to the folder for temporary files goes when ours goes.
  const env = { ...process.env, TMPDIR: work };
  const child = spawn(command, args, { stdio: [stdin, stdout, 'ignore', 'pipe'], env });
  const tells = child.stdout ?? child.stdio[3];
  const ready = new Promise((resolve, reject) => {
    tells.once('data', resolve);
    child.once('exit', () => reject(new Error(`${args.join(' ')} ended before it was ready`)));
  });
  ready.catch(() => {});
  return { child, ready };
}

function note(round, name, peer, value) {
  results[name] ??= {};
  results[name][peer] ??= [];
  results[name][peer].push(value);
  process.stderr.write(`round ${round}  ${name.padEnd(42)} ${peer.padEnd(24)} ${value}\n`);
}

function table() {
  const names = [...new Set(Object.values(results).flatMap((byPeer) => Object.keys(byPeer)))];
  // The others are in the file.
  const isShown = (name) => !name.startsWith('latency') || /, p(50|99) µs$/.test(name);
  const columns = Object.keys(results).filter(isShown);
  const cell = (column, name) => {
    const value = median(results[column][name]);
    if (value === undefined) return '';
    if (value === notReadable) return value;
    if (column.includes('kB')) return value.toFixed(1);
    // Walking is compared with not walking, and all others with the server alone if they share its core.
    const base = isNodeTarget ? results[column].direct : results[column].nginx;
    const nginx = median(base ?? results[column]['agent that walks no frames']);
    const ratio = nginx === undefined ? '' : ` (${(value / nginx).toFixed(2)})`;
    return `${column.endsWith('µs') ? value.toFixed(0) : `${(value / 1_000).toFixed(1)}k`}${ratio}`;
  };
  const rows = names.map((name) => `| ${[name, ...columns.map((column) => cell(column, name))].join(' | ')} |`);
  return `| | ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length + 1)}\n${rows.join('\n')}\n`;
}

function median(values) {
  if (values === undefined) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function fail(text) {
  process.stderr.write(`bench: ${text}\n`);
  process.exit(1);
}
