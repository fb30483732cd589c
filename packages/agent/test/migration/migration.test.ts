import { once } from 'node:events';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, type RawClient, sampleAnswer, send } from '../support/client.ts';
import { frame } from '../support/frames.ts';
import { type SeenConnection, startSeeingTarget } from '../support/wire.ts';

const fromClient = (text: string | Buffer, options: object = {}): Buffer => frame(text, { mask: true, ...options });
const drain = frame('gopush:drain', { opcode: 9 });
/** Our mask is zero: what the agent says can be read. */
const quiet = /.{6}gopush:quiet/s;
const closeOf1012 = '\x88\x02\x03\xf4';

function answer(token: string, skip?: number | string): string {
  const more = `x-gopush-resume: ${token}\r\n${skip === undefined ? '' : `x-gopush-resume-skip: ${skip}\r\n`}`;
  return sampleAnswer.replace(/\r\n\r\n$/, `\r\n${more}\r\n`);
}

/** Responds to an upgrade as a target. */
async function take({ until, socket }: SeenConnection, said: string | Buffer[]): Promise<string> {
  const [head] = await until(/^GET [\s\S]*?\r\n\r\n/);
  if (typeof said === 'string') socket.write(said, 'latin1');
  else for (const one of said) socket.write(one);
  return head;
}

/** A client on a target that can give its session, and other targets. */
async function start(others: number, config: object = {}) {
  const targets = await Promise.all(Array.from({ length: 1 + others }, () => startSeeingTarget()));
  let live = [targets[0] as (typeof targets)[0]];
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: () => live.map(({ ip, port }) => ({ ip, port })) }),
    { ...withAdmin, ...config },
    log,
  );
  const port = Number(new URL(agent.url).port);
  const [first] = targets;
  const arrives = (first as (typeof targets)[0]).next();
  const client = await openRaw(port, handshakeBytes('/socket.io/?EIO=4&transport=websocket'));
  const old = await arrives;
  await take(old, answer('one'));
  await client.until(/\r\n\r\n/);
  return {
    agent,
    client,
    old,
    lines,
    next,
    targets,
    /** From now on sessions can go to these only. */
    route(...to: typeof targets) {
      live = to;
    },
    /** The old target gives the session. */
    async give() {
      old.socket.write(drain);
      await old.until(quiet);
      old.socket.end();
    },
  };
}

/** What a client was given after its handshake. */
const given = ({ text }: RawClient): string => text().slice(text().indexOf('\r\n\r\n') + 4);

const fallbacks = async ({ adminUrl }: { adminUrl: string | undefined }): Promise<string> =>
  (await send(`${adminUrl}/metrics`)).body
    .split('\n')
    .filter((line) => line.startsWith('gopush_agent_move_fallbacks_total{'))
    .join('\n');

test('a session migrates to another target; the client sees neither the token, nor the ping, nor the opening frames', async () => {
  const { client, old, targets, route, give } = await start(1);
  const second = targets[1] as (typeof targets)[0];
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
      const { client, old, targets, route } = await start(1);
      const second = targets[1] as (typeof targets)[0];
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
  const { client, old } = await start(0);
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
  const { client, targets, route, give } = await start(1);
  const second = targets[1] as (typeof targets)[0];
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
  const { agent, client, old, targets, route } = await start(1, { seamless: { frameBytes: 1_000 } });
  const second = targets[1] as (typeof targets)[0];
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
  const { agent, client, old } = await start(0);
  old.socket.end(frame('42["half of it"]').subarray(0, 8));
  await client.closed();
  expect(await fallbacks(agent)).toBe('gopush_agent_move_fallbacks_total{cause="half a frame"} 1');
});

test('after a crash within an event the next target gets it from its beginning, once, even if it dies as well', async () => {
  const { client, old, targets, route } = await start(2);
  const [, second, third] = targets as [never, (typeof targets)[0], (typeof targets)[0]];
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
  const { client, targets, route, give } = await start(2);
  const [, second, third] = targets as [never, (typeof targets)[0], (typeof targets)[0]];
  route(second);
  let arrives = second.next();
  await give();
  const fresh = await arrives;
  route(third);
  arrives = third.next();
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
    const { client, targets, route, give } = await start(2);
    const [, second, third] = targets as [never, (typeof targets)[0], (typeof targets)[0]];
    route(second);
    let arrives = second.next();
    await give();
    const fresh = await arrives;
    route(third);
    arrives = third.next();
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
  const { client, old, targets, route } = await start(1);
  const second = targets[1] as (typeof targets)[0];
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

test.each([
  ['refuses connections', undefined, 'asked again'],
  ['answers 503', 'HTTP/1.1 503 stopping\r\ncontent-length: 0\r\n\r\n', 'asked again'],
  ['begins a new session instead', sampleAnswer, 'asked again'],
  ['sends a wrong skip count', answer('two', 'many'), 'asked again'],
  ['does not respond', '', 'asked again'],
  [
    'does not know the session',
    'HTTP/1.1 410 gone\r\nx-gopush-error: session_unknown\r\ncontent-length: 0\r\n\r\n',
    'unknown',
  ],
  ['forbids it', 'HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n', 'refused'],
])('the next target %s', async (_how, said, outcome) => {
  const { agent, client, targets, route, give, next } = await start(2, { agent: { handshakeTimeoutMs: 200 } });
  const [, second, third] = targets as [never, (typeof targets)[0], (typeof targets)[0]];
  const bad = said === undefined ? { ...second, port: 1 } : second;
  route(bad);
  const arrives = second.next();
  const rescued = third.next();
  await give();
  if (said !== undefined) {
    const fresh = await arrives;
    if (outcome === 'asked again') route(bad, third);
    if (said !== '') await take(fresh, said);
  } else route(bad, third);
  if (outcome === 'asked again') {
    // The good one may be asked only in a later round.
    const answering = setInterval(() => {
      for (const { socket, text } of second.connections) if (text() !== '' && said) socket.end(said, 'latin1');
    }, 20);
    await take(await rescued, [Buffer.from(answer('three', 1), 'latin1'), frame('0{}'), frame('42["on"]')]);
    clearInterval(answering);
    await client.until(/42\["on"\]/);
    expect(await fallbacks(agent)).toBe('');
  } else {
    expect((await next(/could not migrate or fail over/)).fields).toMatchObject({ cause: outcome });
    expect((await client.closed()).slice(-4)).toBe(closeOf1012);
    expect(await fallbacks(agent)).toBe(`gopush_agent_move_fallbacks_total{cause="${outcome}"} 1`);
  }
});

test('a client is held while there is no target, and continues when there is one', async () => {
  const { client, targets, route, give } = await start(1);
  const second = targets[1] as (typeof targets)[0];
  route();
  await give();
  const arrives = second.next();
  client.socket.write(fromClient('42["patient"]'));
  route(second);
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await fresh.until(/patient/);
});

test('a client that is held too long is closed with 1012', async () => {
  const { client, route, give, next } = await start(0, { seamless: { holdMs: 100 } });
  route();
  await give();
  expect((await next(/could not migrate or fail over/)).fields).toMatchObject({ cause: 'held too long' });
  expect((await client.closed()).slice(-4)).toBe(closeOf1012);
});

test('a client that floods while it is held is not read: what is kept of it is bounded', async () => {
  const { client, targets, route, give } = await start(1);
  const second = targets[1] as (typeof targets)[0];
  route();
  await give();
  const message = fromClient(Buffer.alloc(65_536, 'x'));
  let taken = 0;
  // Until the kernel takes no more, since nobody reads.
  while (client.socket.writableLength < 4_194_304 && taken < 2_000) {
    client.socket.write(message);
    taken++;
    if (taken % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.socket.writableLength).toBeGreaterThan(1_000_000);
  const arrives = second.next();
  route(second);
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await expect.poll(() => fresh.text().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(taken * message.length);
});

test('a client that leaves while it is held is given up', async () => {
  const { client, targets, route, give } = await start(1);
  const second = targets[1] as (typeof targets)[0];
  route(second);
  const arrives = second.next();
  await give();
  client.socket.resetAndDestroy();
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await fresh.gone;
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

test('a client cannot speak for an agent or a target', async () => {
  const { client, old } = await start(0);
  client.socket.write(fromClient('gopush:drain', { opcode: 9 }));
  client.socket.write(fromClient('42["after"]'));
  await old.until(/gopush:drain[\s\S]*after/);
  // Only agents may say that a client is stopped: this never arrives.
  client.socket.write(fromClient('gopush:quiet', { opcode: 10 }));
  await client.closed();
  expect(old.text()).not.toMatch(/gopush:quiet/);
  const { client: other, old: itsTarget } = await (async () => {
    const target = await startSeeingTarget();
    const agent = await startTestAgent(hooksTo({ default: [{ ip: target.ip, port: target.port }] }));
    const arrives = target.next();
    const client = await openRaw(
      Number(new URL(agent.url).port),
      handshakeBytes('/socket.io/', {
        'x-gopush-resume': 'stolen',
        x_gopush_resume: 'stolen',
        'x-gopush-resume-after': 'a.1~',
        'x-gopush-can-resume': 'yes',
      }),
    );
    return { client, old: await arrives };
  })();
  const head = await take(itsTarget, sampleAnswer);
  expect(head).not.toMatch(/stolen|resume-after/);
  expect(head).toMatch(/\r\nx-gopush-can-resume: 1\r\n/);
  // This target does not take part: all that it sends is for the client.
  itsTarget.socket.write(drain);
  await other.until(/gopush:drain/);
  itsTarget.socket.end();
  await other.closed();
});

test('a target that asks within a frame gets the rest of it first, and can still send to the client', async () => {
  const { client, old } = await start(0);
  const half = fromClient('42["half"]');
  client.socket.write(half.subarray(0, 9));
  await old.until(/42\[/);
  old.socket.write(drain);
  client.socket.write(half.subarray(9));
  await old.until(/half"\].{6}gopush:quiet$/s);
  old.socket.write(frame('42["still here"]'));
  await client.until(/still here/);
});

test('of what a target relays only a position gets into a header of the next request', async () => {
  const { old, targets, route, give, client } = await start(1);
  const bad = [
    '\r\nx-gopush-uid: admin\r\nx: a.1~',
    '\nx-gopush-uid: admin\nx.1~',
    '\tx.1~',
    'a,b.1~',
    'a b.1~',
    '\u010d\u010ax-gopush-uid:admin.1~',
    'a.1.2~',
    'a.-1~',
    'a.1e9~',
    'a.~',
    '.1~',
    'a.1234567890123456~',
    `${'a'.repeat(65)}.1~`,
  ];
  for (const text of bad) old.socket.write(frame(`42["chat","${text}"]`));
  const elsewhere = [
    '42/a,["chat","b.1~"]',
    '42/a,["go:mark",1,"b.1~"]',
    '421["go:mark","b.1~"]',
    '43/a,1["go:mark","b.1~"]',
  ];
  for (const text of [...elsewhere, '42/a,["x","[\\"go:mark\\",","b.1~"]']) old.socket.write(frame(text));
  old.socket.write(frame('42["chat","good-Epoch_1.12~"]'));
  const own = frame('42/a,["go:mark","elsewhere.7~"]');
  old.socket.write(own.subarray(0, 20));
  await client.until(/\["go/);
  old.socket.write(own.subarray(20));
  old.socket.write(frame('40/admin,{"sid":"s","mark":"answers.3~"}'));
  await client.until(/answers/);
  const second = targets[1] as (typeof targets)[0];
  route(second);
  const arrives = second.next();
  await give();
  const head = await take(await arrives, [Buffer.from(answer('two', 0), 'latin1')]);
  expect(head).toMatch(/\r\nx-gopush-resume-after: good-Epoch_1\.12~,elsewhere\.7~,answers\.3~\r\n/);
  expect(head.match(/x-gopush-uid/g)).toHaveLength(1);
});

test('a target that asks again and again, and reads nothing, has no responses waiting for it', async () => {
  const { client, old } = await start(0);
  old.socket.pause();
  const asks = Buffer.concat(Array.from({ length: 10_000 }, () => drain));
  for (let round = 0; round < 30; round++) {
    if (!old.socket.write(asks)) await once(old.socket, 'drain');
  }
  old.socket.write(frame('42["last"]'));
  await client.until(/"last"/);
  // More than the kernel takes was asked for.
  expect(waitingFor(old.socket)).toBeLessThan(64 * 1024);
});

/** How many bytes the agent, which is in this process, has for a target that does not read. */
function waitingFor({ localPort }: Socket): number {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  const agents = handles.filter((handle) => handle instanceof Socket && handle.remotePort === localPort) as Socket[];
  return agents.reduce((sum, { writableLength }) => sum + writableLength, 0);
}

test('a target that does not speak WebSocket has no session: no fallback is reported', async () => {
  const { agent, client, old, lines } = await start(1);
  old.socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  await client.closed();
  expect(await fallbacks(agent)).toBe('');
  expect(lines).not.toContainEqual(
    expect.objectContaining({ message: expect.stringContaining('could not migrate or fail over') }),
  );
});
