/**
 * Measures what taking sessions costs a push-server alone: `node bench/takes.mjs [--sessions 1200] [--rounds 3] [--store embedded,redis]
 * [--how tunnel,hand-off] [--tree FOLDER] [--flags=OPTIONS] [--profile FILE]`.
 *
 * The sessions are in the store as a push-server that died has left them. This program is the agent, and brings 64 at a time. With `tunnel` it says
 * that each continues; with `hand-off` it hands over the connections of clients of its own. All clients answer the first ping, which may come when
 * all sessions have been taken: the rate is that of taking them, CPU time includes that until all have answered. The first round runs code
 * that is not compiled yet. CPU time is that of the push-server, of its thread that runs JavaScript, and of Redis; to compare two versions on a machine
 * with other work, run both at the same time, the other one with `--tree` and the folder of its checkout. `--flags` are options of Node for the
 * push-server. `--profile` writes a CPU profile of the last round.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1200' },
    rounds: { type: 'string', default: '3' },
    store: { type: 'string', default: 'embedded,redis' },
    how: { type: 'string', default: 'tunnel,hand-off' },
    tree: { type: 'string', default: new URL('..', import.meta.url).pathname },
    flags: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});
const [sessions, rounds] = [Number(values.sessions), Number(values.rounds)];
const atOnce = 64;
const load = (path) => import(pathToFileURL(resolve(values.tree, path)));
const { openEmbeddedStore, openRedisStore } = await load('packages/store/dist/index.js');
const { openGivers } = await load('packages/hand-off/dist/index.js');
const { encodeSession } = await load('packages/push-server/dist/inner/session-record.js');
const [ping, pong] = [Buffer.from([0x81, 1, 0x32]), Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x33])];
const chosen = Buffer.concat([Buffer.from([0x8a, 0x80 | 12, 0, 0, 0, 0]), Buffer.from('gopush:going')]);
/** How many pings clients have answered. */
let answered = 0;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

process.stdout.write(
  '| store, how, round | a second | CPU µs a session | main thread | Redis | reads of the agent |\n|---|---|---|---|---|---|\n',
);
for (const store of values.store.split(',')) for (const how of values.how.split(',')) await measure(store, how);
process.exit();

async function measure(kind, how) {
  const folder = mkdtempSync(join(tmpdir(), 'gopush-takes-'));
  const redis = kind === 'redis' ? await startRedis(folder) : undefined;
  const pushServer = { fanoutDir: folder, storeDir: join(folder, 'store') };
  const handOff = { enabled: how === 'hand-off', dir: join(folder, 'hand-off') };
  const server = await startServer({
    serverPortStart: 0,
    pushServer,
    handOff,
    ...(redis && { redisAdapter: redis.address }),
  });
  const agent = handOff.enabled ? await startGiver(handOff.dir, server.port) : undefined;
  const store = redis
    ? await openRedisStore({ ...redis.address, prefix: 'gopush', tls: false, fanout: 'pubsub' })
    : await openEmbeddedStore(pushServer.storeDir);
  const sockets = [];
  for (let round = 1; round <= rounds; round++) {
    for (let at = 0; at < sessions; at++) {
      await store.sessions.save(`t:${nameOf(round, at)}`, encodeSession(sessionOf(round, at)), 120_000);
    }
    if (agent !== undefined) agent.connections = await connectAll(agent);
    const isProfiled = values.profile !== undefined && round === rounds;
    if (isProfiled) await server.ask('profile');
    const [before, mainBefore, redisBefore] = [await server.ask('used'), server.mainMs(), redis?.mainMs()];
    const startedAt = performance.now();
    const answeredBefore = answered;
    let [next, reads] = [0, 0];
    const bring = async () => {
      while (next < sessions) {
        const name = nameOf(round, next++);
        const read =
          agent === undefined
            ? await take(server.port, name, sockets)
            : await handOver(agent, server.port, name, sockets);
        reads += read;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, bring));
    const seconds = (performance.now() - startedAt) / 1_000;
    while (answered < answeredBefore + sessions) await delay(20);
    await delay(100);
    const [after, mainAfter, redisAfter] = [await server.ask('used'), server.mainMs(), redis?.mainMs()];
    if (isProfiled) await server.ask('profiled', { file: values.profile });
    const cpu = ((after.cpuMs - before.cpuMs) * 1_000) / sessions;
    const main = ((mainAfter - mainBefore) * 1_000) / sessions;
    const ofRedis = redis ? (((redisAfter - redisBefore) * 1_000) / sessions).toFixed(0) : '';
    process.stdout.write(
      `| ${kind}, ${how}, ${round} | ${(sessions / seconds).toFixed(0)} | ${cpu.toFixed(0)} | ${main.toFixed(0)} | ${ofRedis} | ${(reads / sessions).toFixed(1)} |\n`,
    );
    await delay(1_500);
  }
  for (const socket of sockets) socket.destroy();
  agent?.close();
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

/** A text of 20 characters, as ids have. */
function nameOf(round, at) {
  return `s-${round}-${at}-`.padEnd(20, 'x');
}

function sessionOf(round, at) {
  const [name, node] = [nameOf(round, at), 'deadbeef0000'];
  const positions = [[`u:${name}`, null]];
  const emitted = { streams: [[node, 0]] };
  const ofProgram = { auth: {}, rooms: [], data: {}, clientData: {} };
  const socket = { namespace: '/', id: name, pid: name, ...ofProgram, positions, reached: positions, emitted };
  return {
    engineId: name,
    uid: name,
    node,
    at: Date.now(),
    isExact: false,
    tail: [],
    count: 0,
    answers: 0,
    opening: [],
    sockets: [{ ...socket, inboxAfter: 0, answer: 0 }],
  };
}

/** A client answers a ping. */
function answer(socket, bytes) {
  if (!bytes.includes(ping)) return;
  socket.write(pong);
  answered++;
}

/** Brings a session, as an agent does. @returns how many reads it took until its client could continue */
function take(port, name, sockets) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  socket.write(requestOf(port, name));
  return new Promise((taken, failed) => {
    let [bytes, reads] = [Buffer.alloc(0), 0];
    const onOpening = (chunk) => {
      reads++;
      bytes = Buffer.concat([bytes, chunk]);
      if (!hasOpening(bytes)) return;
      socket.off('data', onOpening);
      socket.on('data', (later) => answer(socket, later));
      socket.write(chosen);
      taken(reads);
    };
    socket.on('data', onOpening).on('error', failed);
    socket.on('close', () => failed(new Error(`it was not taken: ${bytes.toString('latin1')}`)));
  });
}

function requestOf(port, name) {
  return (
    `GET /socket.io/?EIO=4&transport=websocket&uid=${name} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
    'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n' +
    `x-gopush-uid: ${name}\r\nx-gopush-product: default\r\nx-gopush-agent: agent-0\r\nx-request-id: ${name}\r\n` +
    `x-gopush-can-resume: 2\r\nx-gopush-resume: ${name}\r\n\r\n`
  );
}

/** An agent's side of hand-offs: a server whose clients connect in this process. */
async function startGiver(dir, port) {
  const events = { onEnd() {}, onLeave() {}, onOrphan() {}, onDuplicate: () => false, onTaker() {}, onFault() {} };
  const givers = await openGivers({ dir, name: 'agent-0', events });
  givers.want([port]);
  while (givers.to(port) === undefined) await delay(50);
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1', 1_024);
  await once(server, 'listening');
  return {
    givers,
    /** Both ends of clients that wait to be handed over. */
    connections: [],
    async connect() {
      const accepted = once(server, 'connection');
      const client = connect({ port: server.address().port, host: '127.0.0.1', noDelay: true });
      const [socket] = await accepted;
      return { client, socket };
    },
    close() {
      givers.close();
      server.close();
    },
  };
}

async function connectAll(agent) {
  const connections = [];
  while (connections.length < sessions) connections.push(await agent.connect());
  return connections;
}

/** Hands a client over whose session ran elsewhere, as an agent does. */
async function handOver({ givers, connections }, port, name, sockets) {
  const { client, socket } = connections.pop();
  sockets.push(client);
  const head = Buffer.from(requestOf(port, name));
  const record = Buffer.alloc(400);
  const offered = await givers.to(port).offer({ client: socket, kind: 'session', head, record, timeoutMs: 10_000 });
  if (!offered.ok || offered.value.body !== undefined) throw new Error(`it was not taken: ${offered.detail}`);
  client.on('data', (bytes) => answer(client, bytes));
  await offered.value.accept({ user: undefined, skipFrames: 2 });
  return 1;
}

/** Whether the 101 and two frames have come. */
function hasOpening(bytes) {
  let at = bytes.indexOf('\r\n\r\n') + 4;
  if (at < 4) return false;
  for (let frames = 0; frames < 2; frames++) {
    if (at + 2 > bytes.length) return false;
    at += 2 + bytes[at + 1];
  }
  return at <= bytes.length;
}

async function startServer(settings) {
  const peer = resolve(values.tree, 'bench/peers/migrations.mjs');
  const child = fork(peer, ['push-server', JSON.stringify(settings), 'taker'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc', ...values.flags.split(' ').filter(Boolean)],
  });
  running.add(child);
  const [{ port }] = await once(child, 'message');
  return {
    port,
    /** CPU time of the thread that runs JavaScript, in milliseconds. */
    mainMs: () => mainMsOf(child.pid),
    async ask(what, how = {}) {
      child.send({ ask: what, ...how });
      const [{ answer }] = await once(child, 'message');
      return answer;
    },
  };
}

/** CPU time of the first thread of a process, in milliseconds. */
function mainMsOf(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

async function startRedis(folder) {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args.map(String), { stdio: 'ignore' });
  running.add(child);
  await delay(1_000);
  return { address: { host: '127.0.0.1', port }, mainMs: () => mainMsOf(child.pid) };
}
