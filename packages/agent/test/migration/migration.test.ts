import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import {
  answer,
  closeOf1012,
  drain,
  fallbacks,
  fromClient,
  given,
  quiet,
  startSession,
  take,
} from './support/session.ts';

test('a session migrates to another target; the client sees neither the token, nor the ping, nor the opening frames', async () => {
  const { client, old, second, route, give } = await startSession(1);
  expect(client.text()).not.toMatch(/x-gopush-resume/i);
  old.socket.write(frame('42["a",1]'));
  await client.until(/"a",1/);
  route(second);
  const arrives = second.next();
  await give();
  client.socket.write(fromClient('42["while held"]'));
  const fresh = await arrives;
  const head = await take(fresh, [
    Buffer.from(answer('two', 2), 'latin1'),
    frame('0{"sid":"x"}'),
    frame('', { opcode: 10 }),
    frame('40{"sid":"y"}'),
    frame('42["b",2]'),
  ]);
  expect(head).toMatch(/\r\nx-gopush-resume: one\r\n/);
  await client.until(/"b",2/);
  expect(given(client)).toBe(Buffer.concat([frame('42["a",1]'), frame('42["b",2]')]).toString('latin1'));
  await fresh.until(/42\["while held"\]/);
});

test('a migration within an event does not wait for its end: the next target gets it whole', async () => {
  for (const [first, rest] of [
    // One message of two frames.
    [fromClient('42["long', { fin: false }), fromClient(' one"]', { opcode: 0 })],
    // A binary event, whose attachment follows.
    [fromClient('451-["b",{"_placeholder":true,"num":0}]'), fromClient(Buffer.from('bytes'), { opcode: 2 })],
  ] as const) {
    for (const asked of ['before its first frame is whole', 'after it']) {
      const { client, old, second, route } = await startSession(1);
      const half = asked === 'after it' ? first.length : 10;
      client.socket.write(first.subarray(0, half));
      await old.until(asked === 'after it' ? /long|placeholder/ : /4[25]/);
      route(second);
      const arrives = second.next();
      old.socket.write(drain);
      client.socket.write(first.subarray(half));
      await old.until(quiet);
      client.socket.write(rest);
      client.socket.write(fromClient('42["next"]'));
      old.socket.end();
      const fresh = await arrives;
      await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
      await fresh.until(/42\["next"\]/);
      expect(old.text()).not.toMatch(/next| one"\]|bytes/);
      expect(fresh.text().match(/(long|placeholder)[\s\S]*( one"\]|bytes)/)).not.toBeNull();
      expect(fresh.text().match(/long|placeholder/g)).toHaveLength(1);
    }
  }
});

test('a target may ask any number of times for the client to be stopped, and gets a response each time', async () => {
  const { client, old } = await startSession(0);
  for (let count = 1; count <= 3; count++) {
    old.socket.write(drain);
    await old.until(new RegExp(`(gopush:quiet[\\s\\S]*){${count}}`));
  }
  client.socket.write(fromClient('42["held back"]'));
  old.socket.write(drain);
  await old.until(/(gopush:quiet[\s\S]*){4}/);
  expect(old.text()).not.toMatch(/held back/);
});

test('a target that asks for the client to be stopped while it takes the session gets first what the client had begun', async () => {
  const { client, second, route, give } = await startSession(1);
  route();
  await give();
  client.socket.write(fromClient('42["waiting"]'));
  const arrives = second.next();
  route(second);
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 2), 'latin1'), frame('0{}'), drain, frame('40{}'), frame('42["on"]')]);
  await client.until(/"on"/);
  await fresh.until(quiet);
  client.socket.write(fromClient('42["later"]'));
  fresh.socket.write(drain);
  await fresh.until(/(gopush:quiet[\s\S]*){2}/);
  expect(fresh.text()).not.toMatch(/later/);
});

test('a target that does not wait for the end of a frame keeps its client, unless that has sent too much of the frame', async () => {
  const { agent, client, old, second, route } = await startSession(1, { seamless: { frameBytes: 1_000 } });
  const half = fromClient('42["half"]');
  client.socket.write(half.subarray(0, 9));
  await old.until(/42/);
  route(second);
  let arrives = second.next();
  old.socket.write(drain);
  old.socket.end();
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  client.socket.write(half.subarray(9));
  await fresh.until(/42\["half"\]/);
  client.socket.write(fromClient('x'.repeat(2_000)).subarray(0, 1_500));
  await fresh.until(/x{1000}/);
  arrives = second.next();
  fresh.socket.write(drain);
  fresh.socket.end();
  expect((await client.closed()).slice(-4)).toBe(closeOf1012);
  expect(await fallbacks(agent)).toBe('gopush_agent_move_fallbacks_total{cause="event too large"} 1');
});

test('a client whose target ends within a frame is cut, and counted', async () => {
  const { agent, client, old } = await startSession(0);
  old.socket.end(frame('42["half of it"]').subarray(0, 8));
  await client.closed();
  expect(await fallbacks(agent)).toBe('gopush_agent_move_fallbacks_total{cause="half a frame written"} 1');
});

test('a target that asks within a frame gets the rest of it first, and can still send to the client', async () => {
  const { client, old } = await startSession(0);
  const half = fromClient('42["half"]');
  client.socket.write(half.subarray(0, 9));
  await old.until(/42\[/);
  old.socket.write(drain);
  client.socket.write(half.subarray(9));
  await old.until(/half"\].{6}gopush:quiet$/s);
  old.socket.write(frame('42["still here"]'));
  await client.until(/still here/);
});
