/**
 * Measures what the cluster view costs each node: `node bench/cluster.mjs [--nodes 50] [--seconds 20] [--connections 20000] [--rooms 5000]`.
 *
 * All nodes but one are in another process and tell of themselves each second. What is measured is the CPU time of one node: that tells of
 * itself, that also shows the cluster to one client, and to ten. Of each, the least of five windows: a process that has just begun to do something
 * compiles it, and what else the machine does adds to the CPU time. Over a folder and, if there is a redis-server, over Redis. All together
 * have `--connections` and `--rooms`; each node has 20 targets or 32 rooms to tell of. Then how long the answers take that the page
 * asks for, 40 of each, 0.3 s apart, so that every third one reads the store.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClusterPart } from '@gopush/cluster';
import { createMetrics, silentLogger, startAdmin } from '@gopush/service';
import { openEmbeddedStore, openRedisStore } from '@gopush/store';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '20000' },
    rooms: { type: 'string', default: '5000' },
    crowd: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const agents = Math.ceil(Number(values.nodes) / 3);
const servers = Number(values.nodes) - agents;
const numbers = ['nodes', 'connections', 'rooms'].flatMap((name) => [`--${name}`, values[name]]);

if (values.crowd !== undefined) {
  const { where, count } = JSON.parse(values.crowd);
  const store = await openStore(where);
  for (let index = 1; index < count; index++) joinCluster(store, index);
  process.send?.('ready');
} else {
  const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  const redisPort = 19_379;
  const places = { folder: { folder: join(work, 'store') } };
  if (!spawnSync('redis-server', ['--version']).error) {
    const redis = spawn('redis-server', ['--port', String(redisPort), '--save', '', '--dir', work], {
      stdio: 'ignore',
    });
    process.on('exit', () => redis.kill('SIGKILL'));
    places.Redis = { redisPort };
    await delay(500);
  }
  process.stdout.write(
    '| store | nodes | idle store, % of a core | tells | tells and shows to 1 | shows to 10 |\n|---|---|---|---|---|---|\n',
  );
  const rows = [];
  for (const [name, where] of Object.entries(places)) {
    const { figures, answers } = await measure(where, Number(values.nodes));
    rows.push(...answers.map((answer) => `| ${[name, ...answer].join(' | ')} |\n`));
    process.stdout.write(`| ${[name, values.nodes, ...figures.map((share) => share.toFixed(2))].join(' | ')} |\n`);
  }
  process.stdout.write('\n| store | answer | kB | median, ms | slowest, ms |\n|---|---|---|---|---|\n');
  process.stdout.write(rows.join(''));
  process.exit();
}

/** Shares of a core, in percent, and how long answers take. */
async function measure(where, count) {
  const crowd = fork(import.meta.filename, [...numbers, '--crowd', JSON.stringify({ where, count })]);
  await once(crowd, 'message');
  const store = await openStore(where);
  const idle = await use();
  const part = joinCluster(store, 0);
  const metrics = createMetrics('bench_');
  const options = { host: '127.0.0.1', port: 0, checks: {}, metrics, state: () => ({}), log: silentLogger };
  const admin = await startAdmin({ ...options, routes: part.routes });
  await delay(2_000);
  const tells = await use();
  const clients = [];
  const look = () => clients.push(spawn('curl', ['-sN', '-o', '/dev/null', `${admin.url}/cluster/live`]));
  look();
  const state = await readJson(`${admin.url}/cluster`);
  if (state.nodes.length !== count) throw new Error(`${state.nodes.length} nodes are shown, wanted ${count}`);
  await delay(2_000);
  const one = await use();
  const answers = [];
  for (const path of ['/cluster', '/cluster/history', '/cluster/failure?code=overloaded']) {
    answers.push(await timeAnswers(admin.url, path));
  }
  for (let more = 1; more < 10; more++) look();
  await delay(2_000);
  const ten = await use();
  for (const client of clients) client.kill();
  crowd.kill();
  part.close();
  await part.leave();
  await admin.close();
  await store.close();
  return { figures: [idle, tells, one, ten], answers };
}

/** @returns the path, and size, median and slowest of its answers */
async function timeAnswers(url, path) {
  const took = [];
  let bytes = 0;
  for (let times = 0; times < 40; times++) {
    await delay(300);
    const startedAt = performance.now();
    const [response] = await once(get(url + path), 'response');
    bytes = 0;
    for await (const chunk of response) bytes += chunk.length;
    took.push(performance.now() - startedAt);
    if (response.statusCode !== 200) throw new Error(`${path} responded ${response.statusCode}`);
  }
  took.sort((a, b) => a - b);
  return [path, (bytes / 1_024).toFixed(0), took[20].toFixed(1), took.at(-1).toFixed(1)];
}

async function use() {
  const shares = [];
  for (let window = 0; window < 5; window++) {
    const [before, startedAt] = [process.cpuUsage(), performance.now()];
    await delay(seconds * 200);
    const { user, system } = process.cpuUsage(before);
    shares.push((user + system) / 10 / (performance.now() - startedAt));
  }
  return Math.min(...shares);
}

function openStore({ folder, redisPort }) {
  if (folder !== undefined) return openEmbeddedStore(folder);
  return openRedisStore({ host: '127.0.0.1', port: redisPort, prefix: 'bench' });
}

/** Has a node join: every third is an agent. */
function joinCluster(store, index) {
  const isAgent = index % 3 === 0;
  const startedAt = performance.now();
  const part = createClusterPart({
    isOn: true,
    isolateProducts: false,
    acts: {},
    tier: isAgent ? 'agent' : 'push-server',
    name: `node-${index}`,
    describe: () => describeNode(isAgent, performance.now() - startedAt),
    log: silentLogger,
  });
  part.join(store);
  return part;
}

function describeNode(isAgent, ms) {
  const messages = Math.round(ms * 20);
  return {
    ...{ state: 'ready', loopDelayMs: 3, fallbacks: [['polling', 3]] },
    clients: {
      ...{
        connections: Math.round(Number(values.connections) / (isAgent ? agents : servers)),
        handedOff: 100,
        ownedAlone: 0,
        held: 0,
      },
      ...{ rooms: Math.round(Number(values.rooms) / servers), users: 500, queuedBytes: 0 },
    },
    totals: { messages, deliveries: messages * 10, requests: messages, handedOff: messages, notKept: 0, gaps: 0 },
    migrations: { given: 0, taken: 0, migrated: 100, failedOver: 3, fellBack: 3 },
    refusals: [
      ['overloaded', messages],
      ['uid_missing', 20],
    ],
    targets: isAgent
      ? Array.from({ length: 20 }, (_, target) => ({
          ...{ product: `product-${target % 4}`, target: `10.0.0.${target}:4000`, state: 'up' },
          ...{ connections: 60, handedOff: 30, messages, errors: 3, causes: [['target_reset', 3]] },
        }))
      : [],
    rooms: isAgent
      ? []
      : Array.from({ length: 32 }, (_, room) => ({ room: `room-${room}`, members: 100 - room, published: messages })),
  };
}

async function readJson(url) {
  const [response] = await once(get(url), 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return JSON.parse(text);
}
