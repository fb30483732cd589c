import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { admin, readAdmin } from '../../../../test/support/metrics.ts';
import { connectTo, describeNodes } from '../../../../test/support/nodes.ts';
import { nextEvent, openClient } from '../../../../test/support/socket-io.ts';

/** How often an operation of the store was called. */
async function callsOf(server: Parameters<typeof readAdmin>[0], operation: string): Promise<number> {
  const { text } = await readAdmin(server, '/metrics');
  return text
    .split('\n')
    .filter((line) => line.startsWith('gopush_server_store_call_duration_seconds_count') && line.includes(operation))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describeNodes('cost per client', (startNodes) => {
  test('entering a hundred rooms, and leaving them, saves the session a few times, not a hundred', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({}, {}, admin);
    // As an agent would come: only behind one sessions are saved while they live.
    const ann = await connectTo(server, 'ann', { extraHeaders: { 'x-gopush-can-resume': '1' } });
    const rooms = Array.from({ length: 100 }, (_, index) => `room-${index}`);
    const before = await callsOf(server, 'sessions.save');
    expect(await ann.emitWithAck('go:join', rooms)).toMatchObject({ ok: true, joined: { length: 100 } });
    const joined = await callsOf(server, 'sessions.save');
    expect(joined).toBeGreaterThan(before);
    expect(joined - before).toBeLessThanOrEqual(3);
    await ann.emitWithAck('go:leave', rooms);
    await ann.emitWithAck('go:join', 'other');
    expect((await callsOf(server, 'sessions.save')) - joined).toBeLessThanOrEqual(4);
  });

  test('what is no id of a session is looked for neither in the store nor at other nodes', async () => {
    const nodes = await startNodes();
    const [server] = [await nodes.start({}, {}, admin), await nodes.start()];
    const ann = openClient(server.url, 'websocket', {
      query: { uid: 'ann' },
      auth: { pid: 'x'.repeat(300), offset: 'a.1~' },
    });
    await nextEvent(ann, 'connect');
    expect(ann.recovered).toBe(false);
    expect(await callsOf(server, 'sessions.take')).toBe(0);
  });

  test('many unknown sessions at once: the one that its node still holds is found, others begin anew', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const ann = await connectTo(one, 'ann');
    await ann.emitWithAck('go:join', 'room');
    const { _pid, _lastOffset } = ann as unknown as { _pid: string; _lastOffset: string };
    const storm = Array.from({ length: 60 }, () => randomBytes(15).toString('base64url'));
    const sockets = storm.map((unknown) => {
      const socket = new WebSocket(`${two.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=eve`);
      socket.on('open', () => socket.send(`40${JSON.stringify({ pid: unknown, offset: 'a.1~' })}`));
      socket.on('error', () => {});
      return socket;
    });
    await pause(20);
    const again = openClient(two.url, 'websocket', { query: { uid: 'ann' } });
    Object.assign(again, { _pid, _lastOffset });
    await nextEvent(again, 'connect');
    expect(again.recovered).toBe(true);
    for (const socket of sockets) socket.terminate();
  });
});
