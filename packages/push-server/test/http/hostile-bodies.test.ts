import type { PushServer } from '@gopush/push-server';
import { expect, it } from 'vitest';
import { call, startApis } from '../../../../test/support/api.ts';
import { connectTo } from '../../../../test/support/nodes.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

it.each([65, 5_000, 200_000])('the HTTP API refuses what is nested %i deep, in whichever field', async (levels) => {
  const [server] = (await startApis(1)) as [PushServer];
  const deep = nested(levels);
  for (const [request, body] of [
    ['POST /rooms/den/publish', `{"event":"chat","message":${deep}}`],
    ['POST /rooms/den/publish', `{"event":${deep}}`],
    ['POST /rooms/den/publish', `{"event":"chat","other":${deep}}`],
    ['POST /users/ann/publish', `{"event":"chat","message":${deep},"deliver":"store"}`],
    ['POST /notify', `{"event":"chat","message":${deep}}`],
    ['POST /notify', deep],
  ] as const) {
    expect((await call(server, request, body)).status).toBe(400);
  }
  const batch = await call(
    server,
    'POST /batch',
    `[{"to":"room","room":"den","event":"chat","message":${deep}},${deep}]`,
  );
  expect(batch.body.results.map(({ ok }: { ok: boolean }) => ok)).toEqual([false, false]);
  const ann = await connectTo(server, 'ann');
  expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
});

it.each<[string, object]>([
  ['longer than names are', { pid: 'x'.repeat(5_000), offset: '' }],
  ['with control characters', { pid: '\0\u001f', offset: '' }],
  ['with an offset that is none', { pid: 'unknown', offset: '9'.repeat(5_000) }],
  ['that is no text', { pid: { toString: 1 }, offset: [] }],
  ['that is the name of an inherited property', { pid: '__proto__', offset: 'constructor' }],
])('a client that asks for a session by a private id %s begins a new one', async (_, auth) => {
  const [server] = (await startApis(1)) as [PushServer];
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' }, auth });
  expect(ann.recovered).toBe(false);
  expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
});
