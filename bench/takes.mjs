/**
 * Measures what taking sessions costs a push-server alone: `node bench/takes.mjs [--sessions 1200] [--rounds 3] [--store embedded,redis]
 * [--tree FOLDER] [--profile FILE]`.
 *
 * The sessions are in the store as a push-server that died has left them. This program is the agent: it brings 64 at a time, and says that each
 * continues. The first round runs code that is not compiled yet. CPU time is that of the push-server alone; to compare two versions on a machine with
 * other work, run both at the same time, the other one with `--tree` and the folder of its checkout. `--profile` writes a CPU profile of
 * the last round.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
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
    tree: { type: 'string', default: new URL('..', import.meta.url).pathname },
    profile: { type: 'string' },
  },
});
const [sessions, rounds] = [Number(values.sessions), Number(values.rounds)];
const atOnce = 64;
const load = (path) => import(pathToFileURL(resolve(values.tree, path)));
const { openEmbeddedStore, openRedisStore } = await load('packages/store/dist/index.js');
const { encodeSession } = await load('packages/push-server/dist/inner/session-record.js');
const [ping, pong] = [Buffer.from([0x81, 1, 0x32]), Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x33])];
const chosen = Buffer.concat([Buffer.from([0x8a, 0x80 | 12, 0, 0, 0, 0]), Buffer.from('gopush:going')]);
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

process.stdout.write('| store, round | a second | CPU µs a session | reads of the agent |\n|---|---|---|---|\n');
for (const store of values.store.split(',')) await measure(store);
process.exit();

async function measure(kind) {
  const folder = mkdtempSync(join(tmpdir(), 'gopush-takes-'));
  const redis = kind === 'redis' ? await startRedis(folder) : undefined;
  const pushServer = { fanoutDir: folder, storeDir: join(folder, 'store') };
  const server = await startServer({ serverPortStart: 0, pushServer, ...(redis && { redisAdapter: redis }) });
  const store = redis
    ? await openRedisStore({ ...redis, prefix: 'gopush', tls: false, fanout: 'pubsub' })
    : await openEmbeddedStore(pushServer.storeDir);
  const sockets = [];
  for (let round = 1; round <= rounds; round++) {
    for (let at = 0; at < sessions; at++) {
      await store.sessions.save(`t:${nameOf(round, at)}`, encodeSession(sessionOf(round, at)), 120_000);
    }
    const isProfiled = values.profile !== undefined && round === rounds;
    if (isProfiled) await server.ask('profile');
    const before = await server.ask('used');
    const startedAt = performance.now();
    let [next, reads] = [0, 0];
    const bring = async () => {
      while (next < sessions) {
        const read = await take(server.port, round, next++, sockets);
        reads += read;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, bring));
    const seconds = (performance.now() - startedAt) / 1_000;
    const after = await server.ask('used');
    if (isProfiled) await server.ask('profiled', { file: values.profile });
    const cpu = ((after.cpuMs - before.cpuMs) * 1_000) / sessions;
    process.stdout.write(
      `| ${kind}, ${round} | ${(sessions / seconds).toFixed(0)} | ${cpu.toFixed(0)} | ${(reads / sessions).toFixed(1)} |\n`,
    );
    await delay(1_500);
  }
  for (const socket of sockets) socket.destroy();
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

/** Brings a session, as an agent does. @returns how many reads it took until its client could continue */
function take(port, round, at, sockets) {
  const name = nameOf(round, at);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket&uid=${name} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n' +
      `x-gopush-uid: ${name}\r\nx-gopush-product: default\r\nx-gopush-agent: agent-0\r\nx-request-id: ${name}\r\n` +
      `x-gopush-can-resume: 2\r\nx-gopush-resume: ${name}\r\n\r\n`,
  );
  return new Promise((taken, failed) => {
    let [bytes, reads] = [Buffer.alloc(0), 0];
    const onOpening = (chunk) => {
      reads++;
      bytes = Buffer.concat([bytes, chunk]);
      if (!hasOpening(bytes)) return;
      socket.off('data', onOpening);
      socket.on('data', (later) => later.includes(ping) && socket.write(pong));
      socket.write(chosen);
      taken(reads);
    };
    socket.on('data', onOpening).on('error', failed);
    socket.on('close', () => failed(new Error(`it was not taken: ${bytes.toString('latin1')}`)));
  });
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
    execArgv: ['--expose-gc'],
  });
  running.add(child);
  const [{ port }] = await once(child, 'message');
  return {
    port,
    async ask(what, how = {}) {
      child.send({ ask: what, ...how });
      const [{ answer }] = await once(child, 'message');
      return answer;
    },
  };
}

async function startRedis(folder) {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  running.add(spawn('redis-server', args.map(String), { stdio: 'ignore' }));
  await delay(1_000);
  return { host: '127.0.0.1', port };
}
