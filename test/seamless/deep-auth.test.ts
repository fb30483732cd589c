import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { believing, targetsOf } from '../support/gateway.ts';
import { connectTo, describeNodes, hear } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** JSON of an object nested so deep. */
const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** Depths between what V8's serializer can write, and what it can read again. */
const depths = Array.from({ length: 25 }, (_, index) => 1_800 + index * 100);

/** A client that enters the main namespace with this auth, and then without. @returns what it is told of the first */
function enterDeep(url: string, user: string, auth: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&user=${user}`);
  onTestFinished(() => socket.terminate());
  return new Promise((resolve, reject) => {
    let refusal = '';
    socket.on('error', reject).on('message', (data) => {
      const text = String(data);
      if (text.startsWith('0{')) socket.send(`40${auth}`);
      else if (text.startsWith('44')) {
        refusal = text;
        socket.send('40');
      } else if (text.startsWith('40')) resolve(refusal);
    });
  });
}

/** The same by long-polling. @returns what it is told */
async function postDeep(url: string, user: string, auth: string): Promise<string> {
  const path = `${url}/socket.io/?EIO=4&transport=polling&user=${user}`;
  const [, sid] = /"sid":"([^"]+)"/.exec(await (await fetch(path)).text()) ?? [];
  await fetch(`${path}&sid=${sid}`, { method: 'POST', body: `40${auth}` });
  return (await fetch(`${path}&sid=${sid}`)).text();
}

describeNodes('a planned stop of one of three push-servers', (startNodes) => {
  test('moves all sessions, also those of clients whose auth is nested thousands of levels deep, and ends nobody else', async () => {
    const nodes = await startNodes();
    const start = () => nodes.start({ drainMs: 5_000 });
    const [old, ...others] = [await start(), await start(), await start()];
    let live = [old];
    const { url } = await startTestAgent({ agent: believing, router: { default: () => targetsOf(live) } });
    // As deep as an auth may be: it is stored, and comes along.
    const auth = JSON.parse(nested(64)) as object;
    const ann = await connectClient(url, 'websocket', { query: { user: 'ann' }, auth });
    const { id } = ann;
    let cuts = 0;
    ann.on('disconnect', () => cuts++);
    await ann.emitWithAck('go:join', 'den');
    const chats = hear<number>(ann, 'chat');
    const refusals = await Promise.all([
      ...depths.map((levels, index) => enterDeep(url, `deep-${index}`, nested(levels))),
      postDeep(url, 'polling', nested(2_400)),
    ]);
    for (const refusal of refusals) expect(refusal).toMatch(/payload_invalid/);
    live = others;
    await old.close();
    const socketsOf = () => others.map(({ io }) => io.of('/').sockets.size);
    await expect.poll(() => socketsOf().reduce((sum, size) => sum + size)).toBe(depths.length + 1);
    const moved = others.flatMap(({ io }) => [...io.of('/').sockets.values()]).find((socket) => socket.id === id);
    expect(moved?.handshake.auth).toEqual(auth);
    for (const [index, server] of others.entries()) {
      const member = await connectTo(server, `member-${index}`);
      await member.emitWithAck('go:join', 'den');
      await member.emitWithAck('go:publish', { room: 'den', event: 'chat', message: index });
    }
    await chats.count(2);
    expect(cuts).toBe(0);
  });
});
