import { expect, test } from 'vitest';
import { withAdmin } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { frame } from '../support/frames.ts';
import { startSeeingTarget } from '../support/wire.ts';
import { answer, fallbacks, fromClient, startSession, take } from './support/session.ts';

test('after a crash within an event the next target gets it from its beginning, once, even if it dies as well', async () => {
  const { client, old, second, third, route } = await startSession(2);
  const header = fromClient('451-["b",{"_placeholder":true,"num":0}]');
  client.socket.write(Buffer.concat([fromClient('42["whole"]'), header]));
  await old.until(/placeholder/);
  route(second);
  let arrives = second.next();
  old.socket.resetAndDestroy();
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await fresh.until(/placeholder/);
  expect(fresh.text()).not.toMatch(/whole/);
  route(third);
  arrives = third.next();
  fresh.socket.resetAndDestroy();
  const last = await arrives;
  const head = await take(last, [Buffer.from(answer('three', 1), 'latin1'), frame('0{}')]);
  expect(head).toMatch(/\r\nx-gopush-resume: two\r\n/);
  client.socket.write(fromClient(Buffer.from('bytes'), { opcode: 2 }));
  await last.until(/bytes/);
  expect(last.text().match(/placeholder/g)).toHaveLength(1);
});

test('what was read while the client was held goes to a target once, even if the next one dies before it continues', async () => {
  const { client, second, third, route, giveTo } = await startSession(2);
  const fresh = await giveTo(second);
  route(third);
  const arrives = third.next();
  // It has taken the session, and dies within its opening frames.
  await take(fresh, [Buffer.from(answer('two', 2), 'latin1'), frame('0{}')]);
  fresh.socket.end();
  const last = await arrives;
  const head = await take(last, [Buffer.from(answer('three', 1), 'latin1'), frame('0{}')]);
  expect(head).toMatch(/\r\nx-gopush-resume: two\r\n/);
  client.socket.write(fromClient('42["once"]'));
  await last.until(/once/);
});

test.each([
  ['before its client continues', 2],
  ['after its client continued', 1],
])(
  'where the next one dies before it has stored the session, %s, the one after it is asked with the token before',
  async (_when, skip) => {
    const { client, second, third, route, giveTo } = await startSession(2);
    const fresh = await giveTo(second);
    route(third);
    let arrives = third.next();
    expect(await take(fresh, [Buffer.from(answer('two', skip), 'latin1'), frame('0{}')])).toMatch(
      /\r\nx-gopush-can-resume: 2\r\nx-gopush-resume: one\r\n/,
    );
    if (skip === 1) await fresh.until(/gopush:going/);
    fresh.socket.end();
    const refused = await arrives;
    arrives = third.next();
    await refused.until(/\r\n\r\n/);
    expect(refused.text()).toMatch(/\r\nx-gopush-resume: two\r\n/);
    refused.socket.end('HTTP/1.1 404 Not Found\r\nx-gopush-error: session_unknown\r\ncontent-length: 0\r\n\r\n');
    const last = await arrives;
    const head = await take(last, [Buffer.from(answer('three', 1), 'latin1'), frame('0{}')]);
    expect(head).toMatch(/\r\nx-gopush-resume: one\r\n/);
    client.socket.write(fromClient('42["once"]'));
    await last.until(/once/);
  },
);

test('the next target is told the last position of each room, wherever chunks are cut', async () => {
  const { client, old, second, route } = await startSession(1);
  const bytes = Buffer.concat([
    frame('42["n",1,"epoch.1~"]'),
    frame('42["n",2,"epoch.2~"]'),
    frame('42["n",3,"other.7~"]'),
    // A binary message, whose bytes are the project's own.
    frame(Buffer.from('["x","forged.9~"]'), { opcode: 2 }),
  ]);
  for (let at = 0; at < bytes.length; at++) {
    old.socket.write(bytes.subarray(at, at + 1));
    // So that each byte comes by itself.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until(/forged/);
  route(second);
  const arrives = second.next();
  old.socket.resetAndDestroy();
  const head = await take(await arrives, answer('two', 1));
  expect(head).toMatch(/\r\nx-gopush-resume-after: epoch\.2~,other\.7~\r\n/);
});

test('a session with compression cannot fail over, and is counted', async () => {
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), withAdmin);
  const arrives = target.next();
  const client = await openRaw(agent.port, handshakeBytes('/socket.io/?EIO=4&transport=websocket'));
  const seen = await arrives;
  await take(seen, answer('one').replace(/\r\n\r\n$/, '\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n'));
  await client.until(/\r\n\r\n/);
  seen.socket.resetAndDestroy();
  await client.closed();
  await expect.poll(() => fallbacks(agent)).toBe('gopush_agent_move_fallbacks_total{cause="compressed"} 1');
});
