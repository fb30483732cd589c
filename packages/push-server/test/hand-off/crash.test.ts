import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { HandedOver } from '@gopush/hand-off';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { readMetric } from '../../../../test/support/metrics.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { headersOf } from './support/agent-headers.ts';
import { makeFolder, startFront } from './support/front.ts';
import { joinHall, publishNumbers } from './support/hall.ts';
import { connectRaw, frame } from './support/raw-client.ts';

const program = new URL('../programs/from-config.mjs', import.meta.url).pathname;

/** A push-server in a process of its own, with a front before it that continues with another one in this process. */
async function start() {
  const dir = await makeFolder();
  const folders = { fanoutDir: join(dir, 'fanout'), storeDir: join(dir, 'store') };
  const config = {
    serverPortStart: 0,
    handOff: { enabled: true, dir },
    pushServer: { ...folders, graceMs: 0, limits: { beginDelayMs: 0 } },
  };
  const next = await startPushServer({
    config: { ...config, admin: { serverPort: 0 } },
    node: 'next',
    logger: silentLogger,
  });
  onTestFinished(() => next.close());
  const child: ChildProcess = fork(program, [JSON.stringify(config), 'first'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child, 'message')) as [number];
  const front = await startFront({ dir, port, headers: headersOf('ann'), next: () => next.port });
  const exit = once(child, 'exit');
  const died = (): Promise<unknown> => exit;
  const crash = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exit;
  };
  return { next, front, crash, died };
}

test('a session fails over: its client notices nothing, and each message arrives once', async () => {
  const { next, front, crash } = await start();
  const { client, heard, checkUndisturbed } = await joinHall(front.url);
  const numbers = publishNumbers(next, 3);
  await expect.poll(() => heard.length).toBeGreaterThan(50);
  await crash();
  await expect.poll(() => front.orphans).toMatchObject([{ taker: 'clean' }]);
  await expect.poll(() => front.moved()).toBe(1);
  const seen = heard.length;
  await expect.poll(() => heard.length).toBeGreaterThan(seen + 20);
  await numbers.heardBy(heard);
  checkUndisturbed();
  expect(front.orphans).toMatchObject([{ taker: 'clean' }]);
  expect(await client.emitWithAck('go:join', 'other')).toMatchObject({ ok: true });
  expect(await readMetric(next, 'handed_off{owners="two"}')).toBe(1);
});

test('one that began with long-polling, whose room had no message before, as well', async () => {
  const { next, front, crash } = await start();
  const { client, heard } = await joinHall(front.url, 'upgrade');
  // The history of the room begins after the session was stored.
  for (let n = 0; n < 3; n++) await next.push.toRoom('hall', 'n', n, { keep: 'must' });
  await expect.poll(() => heard).toEqual([0, 1, 2]);
  await crash();
  await expect.poll(() => front.moved()).toBe(1);
  await next.push.toRoom('hall', 'n', 3, { keep: 'must' });
  await expect.poll(() => heard).toEqual([0, 1, 2, 3]);
  expect(client.connected).toBe(true);
});

test('of many clients whose push-server dies among their messages, each that goes on gets each message once', async () => {
  const { next, front, crash } = await start();
  const clients = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const client = await connectClient(front.url, at % 2 === 0 ? 'websocket' : 'upgrade');
      const heard = new Map<string, number[]>();
      const rooms = [`room-${at % 4}`, `room-${(at + 1) % 4}`];
      for (const room of rooms) {
        heard.set(room, []);
        client.on(room, (n: number) => heard.get(room)?.push(n));
        await client.emitWithAck('go:join', room);
      }
      return { client, heard };
    }),
  );
  let n = 0;
  const publish = setInterval(() => {
    n++;
    for (let room = 0; room < 4; room++) void next.push.toRoom(`room-${room}`, `room-${room}`, n, { keep: 'must' });
    for (const { client } of clients) client.emit('go:leave', 'no such room');
  }, 5);
  await expect.poll(() => n).toBeGreaterThan(30);
  await crash();
  await expect.poll(() => front.orphans).toHaveLength(40);
  const clean = front.orphans.filter(({ taker }) => taker === 'clean').length;
  await expect.poll(() => front.moved()).toBe(clean);
  const before = n;
  await expect.poll(() => n).toBeGreaterThan(before + 20);
  clearInterval(publish);
  const going = clients.filter(({ client }) => client.connected);
  expect(going).toHaveLength(clean);
  for (const orphan of front.orphans) expect(orphan).not.toMatchObject({ cause: 'half read' });
  // One may be in the middle of a message.
  expect(clean).toBeGreaterThanOrEqual(39);
  for (const { heard } of going) {
    for (const numbers of heard.values()) {
      await expect.poll(() => numbers.at(-1)).toBe(n);
      expect(numbers).toEqual(Array.from(numbers, (_, at) => (numbers[0] as number) + at));
    }
  }
});

/** Waits until the push-server has read this many more bytes than before. */
async function whenRead(
  front: { readonly handed: readonly HandedOver<unknown>[] },
  send: () => number,
  which = 0,
): Promise<void> {
  const readOf = (): number => front.handed[which]?.counts().bytesIn ?? 0;
  const before = readOf();
  const size = send();
  await expect.poll(readOf).toBe(before + size);
  // It notes at once what it has read.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

test('clients that have sent 1 to 15 bytes of a frame, after others, go on: the next push-server gets all of it', async () => {
  const { front, crash } = await start();
  const event = frame('421["go:join","late"]');
  const sizes = [1, 2, 4, 6, 15];
  const clients: { readonly at: number; readonly raw: Awaited<ReturnType<typeof connectRaw>> }[] = [];
  // One after the other, so that each is handed over in its place.
  for (const [which, at] of sizes.entries()) {
    const raw = await connectRaw(front.url);
    clients.push({ at, raw });
    await whenRead(
      front,
      () => {
        const bytes = Buffer.concat([frame('420["go:join","early"]'), event.subarray(0, at)]);
        raw.stream.write(bytes);
        return bytes.length;
      },
      which,
    );
    await expect
      .poll(() => raw.heard.filter((text) => text.startsWith('430')), { message: `${at} bytes` })
      .toHaveLength(1);
  }
  await crash();
  await expect.poll(() => front.moved()).toBe(sizes.length);
  for (const { at, raw } of clients) raw.stream.write(event.subarray(at));
  for (const { at, raw } of clients) {
    const what = `${at} bytes`;
    await expect.poll(() => raw.heard.find((text) => text.startsWith('431')), { message: what }).toContain('"ok":true');
    expect(raw.code(), what).toBeUndefined();
    expect(
      raw.heard.filter((text) => text.startsWith('0{') || text.startsWith('40')),
      what,
    ).toHaveLength(2);
  }
  expect(front.orphans).toMatchObject(sizes.map(() => ({ taker: 'clean', unread: expect.any(Buffer) })));
});

test('a client that has sent the beginning of a long frame in pieces goes on, one that has sent too much of it is cut', async () => {
  const { front, crash } = await start();
  const [short, long] = [await connectRaw(front.url), await connectRaw(front.url)];
  const text = `421["go:join","late",{"x":"${'x'.repeat(100_000)}"}]`;
  const head = Buffer.alloc(14);
  head.set([0x81, 0x80 | 127]);
  head.writeBigUInt64BE(BigInt(text.length), 2);
  const event = Buffer.concat([head, Buffer.from(text)]);
  for (let at = 0; at < 60_000; at += 20_000)
    await whenRead(front, () => {
      short.stream.write(event.subarray(at, at + 20_000));
      return 20_000;
    });
  long.stream.write(event.subarray(0, 90_000));
  await expect.poll(() => front.handed[1]?.counts().bytesIn).toBeGreaterThan(90_000);
  await crash();
  await expect.poll(() => long.code()).toBe(1006);
  await expect.poll(() => front.moved()).toBe(1);
  short.stream.write(event.subarray(60_000));
  await expect.poll(() => short.heard.find((heard) => heard.startsWith('431'))).toContain('"ok":');
});

test('a client whose event has attachments that have not come is cut', async () => {
  const { front, crash } = await start();
  const { stream, code } = await connectRaw(front.url);
  await whenRead(front, () => {
    const event = frame('451-["room",{"room":"hall","event":"e","message":{"_placeholder":true,"num":0}}]');
    stream.write(event);
    return event.length;
  });
  await crash();
  await expect.poll(() => code()).toBe(1006);
  expect(front.orphans).toEqual([{ taker: 'unclean', cause: 'half read' }]);
});

/** A client in a room, and so with a session that is stored. */
async function connectInRoom(url: string) {
  const raw = await connectRaw(url);
  raw.stream.write(frame('420["go:join","early"]'));
  await expect.poll(() => raw.heard.find((text) => text.startsWith('430'))).toContain('"ok":true');
  return raw;
}

const late = frame('421["go:join","unread"]');
test.each([
  ['an event', [late]],
  ['events', [Buffer.concat([frame('420["go:join","a"]'), late])]],
  ['the first bytes of an event', [late.subarray(0, -1), late.subarray(-1)]],
  ['the last bytes of an event', [late.subarray(0, 5), late.subarray(5)]],
  [
    'the end of an event and the beginning of the next one',
    [late.subarray(0, 5), Buffer.concat([late.subarray(5), late]).subarray(0, -3), late.subarray(-3)],
  ],
])(
  'a push-server dies when it has read %s, and before it could note that: the next one gets it',
  async (_what, parts) => {
    const { front, died } = await start();
    const { stream, code, heard } = await connectInRoom(front.url);
    const last = parts.findIndex((part) => part.includes('"unread"'));
    for (const [at, part] of parts.entries()) {
      if (at < last)
        await whenRead(front, () => {
          stream.write(part);
          return part.length;
        });
      else stream.write(part);
      if (at === last) {
        await died();
        await expect.poll(() => front.moved()).toBe(1);
      }
    }
    await expect.poll(() => heard.find((text) => text.startsWith('431'))).toContain('"ok":true');
    expect(code()).toBeUndefined();
    expect(front.orphans).toMatchObject([{ taker: 'clean', unread: expect.any(Buffer) }]);
    const hello = heard.filter((text) => text.startsWith('0{') || text.startsWith('40'));
    expect(hello).toHaveLength(2);
  },
);

const dying = frame('42["die"]');
const next = frame('422["go:join","hall"]');
const connect = frame('40/x,{"why":"die"}');
test.each([
  ['an event', [dying], 'clean'],
  ['an event behind others', [Buffer.concat([frame('42["go:leave","a"]'), frame('3'), dying])], 'clean'],
  ['an event before the beginning of another one', [Buffer.concat([dying, next.subarray(0, 9)])], 'clean'],
  ['an event that came in two parts', [dying.subarray(0, 4), dying.subarray(4)], 'clean'],
  [
    'one of these before the beginning of another one',
    [dying.subarray(0, 9), Buffer.concat([dying.subarray(9), next.subarray(0, 9)])],
    'clean',
  ],
  ['a CONNECT, whose response its client waits for', [connect], 'unclean'],
  ['a CONNECT that came in two parts', [connect.subarray(0, 10), connect.subarray(10)], 'unclean'],
] as const)('a push-server dies while it handles %s', async (_what, parts, taker) => {
  const { front, died } = await start();
  const { stream, code, heard } = await connectInRoom(front.url);
  for (const part of parts.slice(0, -1))
    await whenRead(front, () => {
      stream.write(part);
      return part.length;
    });
  const last = parts.at(-1) as Buffer;
  stream.write(last);
  await died();
  await expect.poll(() => front.orphans).toMatchObject([{ taker }]);
  if (taker === 'unclean') {
    await expect.poll(() => code()).toBe(1006);
    return;
  }
  await expect.poll(() => front.moved()).toBe(1);
  stream.write(last.includes(next.subarray(0, 9)) ? next.subarray(9) : next);
  await expect.poll(() => heard.find((text) => text.startsWith('432'))).toContain('"ok":true');
  expect(code()).toBeUndefined();
});
