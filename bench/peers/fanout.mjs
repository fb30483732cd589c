/**
 * A server of the fan-out benchmark: `node peers/fanout.mjs ours|socket.io|ws|push-server [FOLDER]`. Its clients get one small event over and over.
 * With a folder, a push-server takes connections that an agent hands over there. It is asked by messages and answers each with one.
 */

import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPushServer } from '@gopush/push-server';
import { emitLocal, slimSocketIo } from '@gopush/slim-socket-io';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import './settle.mjs';

const [kind, handOffDir] = process.argv.slice(2);
const event = { id: 4711, user: 'ann', text: 'hello, everyone' };
const payload = Buffer.from(`42${JSON.stringify(['news', event])}`);
const frame = Buffer.concat([Buffer.from([0x81, payload.length]), payload]);

const http = createServer();
const { emit, each, count } = kind === 'push-server' ? await pushServer() : kind === 'ws' ? bareWs() : socketIo();

/** Rounds under way: enough for the server never to wait for its clients, and few enough for their buffers. */
const window = 8;
let arrived = 0;
let onArrival;

process.on('message', async ({ ask, rounds, events, to }) => {
  if (ask === 'count') process.send({ count: count() });
  // A push-server sends a position after each event, and not always the same one.
  if (ask === 'frame')
    process.send(kind === 'push-server' ? { size: 2 } : { size: frame.length, hex: frame.toString('hex') });
  if (ask === 'arrived') {
    arrived += rounds;
    onArrival?.();
  }
  if (ask === 'run') process.send(await run(rounds, events, to === 'each' ? each : emit));
});
process.on('disconnect', () => process.exit());
if (kind !== 'push-server') http.listen(0, '127.0.0.1', () => process.send({ port: http.address().port }));

/** Sends that many rounds of that many events each, one round a turn of the loop. */
async function run(rounds, events, send) {
  arrived = 0;
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  for (let round = 0; round < rounds; round++) {
    while (round - arrived >= window) await new Promise((resolve) => (onArrival = resolve));
    for (let at = 0; at < events; at++) send();
    await new Promise(setImmediate);
  }
  while (arrived < rounds) await new Promise((resolve) => (onArrival = resolve));
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMs: (user + system) / 1_000 };
}

function socketIo() {
  // No pings, which would come between the events.
  const io = new Server(http, { pingInterval: 3_600_000 });
  if (kind === 'ours') slimSocketIo(io);
  io.on('connection', (socket) => socket.join('room'));
  const ours = () => emitLocal(io.of('/'), ['room'], [], ['news', event]);
  const stock = () => io.local.to('room').emit('news', event);
  return {
    emit: kind === 'ours' ? ours : stock,
    each() {
      for (const socket of io.of('/').sockets.values()) socket.emit('news', event);
    },
    count: () => io.of('/').adapter.rooms.get('room')?.size ?? 0,
  };
}

/** A push-server as a user runs it, with a store of its own. */
async function pushServer() {
  const dir = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
  const { io, port } = await startPushServer({
    config: {
      serverPortStart: 0,
      pushServer: { pingIntervalMs: 3_600_000, fanoutDir: dir, storeDir: join(dir, 'store') },
      handOff: handOffDir === undefined ? {} : { enabled: true, dir: handOffDir },
    },
  });
  io.on('connection', (socket) => socket.join('room'));
  process.send({ port });
  return {
    emit: () => emitLocal(io.of('/'), ['room'], [], ['news', event]),
    each() {
      for (const socket of io.of('/').sockets.values()) socket.emit('news', event);
    },
    count: () => io.of('/').sockets.size,
  };
}

function bareWs() {
  const server = new WebSocketServer({ server: http, clientTracking: true, perMessageDeflate: false });
  const list = [frame];
  const send = () => {
    for (const client of server.clients) client._sender.sendFrame(list);
  };
  return { emit: send, each: send, count: () => server.clients.size };
}
