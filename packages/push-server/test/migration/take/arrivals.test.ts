import { Duplex } from 'node:stream';
import { canMigrateHeader, sessionTokenHeader, skipFramesHeader, stickyHeader } from '@gopush/contract';
import type { EngineRequest } from '@gopush/slim-socket-io';
import { expect, test } from 'vitest';
import { Arrivals } from '../../../src/migration/take/arrivals.ts';
import type { TakenSession } from '../../../src/migration/take/take-session.ts';
import { sessionOf } from '../../support/stored-session.ts';

const taken: TakenSession = {
  record: sessionOf({ engineId: 'before' }),
  given: [],
  token: 'next',
  usedToken: 'old',
  saved: Promise.resolve(true),
};
const upgrade = { upgrade: 'websocket', [canMigrateHeader]: '1' };

function requestOf(
  headers: Record<string, string> = upgrade,
  query: Record<string, string> = { EIO: '4' },
): EngineRequest {
  return { headers, _query: query, socket: new Duplex() } as unknown as EngineRequest;
}
function headersOf(arrivals: Arrivals, request: EngineRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  arrivals.addHeaders(headers, request);
  return headers;
}
const generate = (): string => 'generated';

test('a session that begins gets a token, which its connection is known by', async () => {
  const arrivals = new Arrivals(true);
  const request = requestOf();
  const headers = headersOf(arrivals, request);
  expect(headers).toEqual({ [sessionTokenHeader]: expect.stringMatching(/^[\w-]{24}$/) });
  expect(await arrivals.idOf(request, generate)).toBe('generated');
  expect(arrivals.arrived('generated')).toEqual({
    token: headers[sessionTokenHeader],
    taken: undefined,
    socket: request.socket,
  });
  expect(arrivals.arrived('generated')).toBeUndefined();
});

test('a session that was taken keeps its id, and its agent drops the openings that its client has had', async () => {
  const arrivals = new Arrivals(true);
  const request = requestOf();
  arrivals.begin(request.socket);
  arrivals.continue(request, request.socket, taken);
  expect(headersOf(arrivals, request)).toEqual({ [sessionTokenHeader]: 'next', [skipFramesHeader]: '2' });
  expect(await arrivals.idOf(request, generate)).toBe('before');
  expect(arrivals.size).toBe(1);
  expect(arrivals.arrived('before')).toMatchObject({ token: 'next', taken });
  expect(arrivals.size).toBe(0);
});

test('a session that begins with long-polling gets its token with its WebSocket', async () => {
  const arrivals = new Arrivals(true);
  await arrivals.idOf(requestOf({}), generate);
  expect(arrivals.arrived('generated')).toBeUndefined();
  const token = headersOf(arrivals, requestOf(upgrade, { EIO: '4', sid: 'generated' }))[sessionTokenHeader];
  expect([arrivals.tokenOfPolling('generated'), arrivals.tokenOfPolling('generated')]).toEqual([token, undefined]);
});

test('no token is given without an agent, to a client of Socket.IO 2, in a response without an upgrade, or where nothing is stored', () => {
  const arrivals = new Arrivals(true);
  expect(headersOf(arrivals, requestOf({ upgrade: 'websocket' }))).toEqual({});
  expect(headersOf(arrivals, requestOf(upgrade, { EIO: '3' }))).toEqual({});
  expect(headersOf(arrivals, requestOf({ [canMigrateHeader]: '1' }))).toEqual({});
  expect(headersOf(new Arrivals(false), requestOf())).toEqual({});
});

test('the id of a session ends with the signature by which later requests reach this target', async () => {
  const arrivals = new Arrivals(true);
  const signature = 'x'.repeat(22);
  expect(await arrivals.idOf(requestOf({ [stickyHeader]: signature }), generate)).toBe(`generated.${signature}`);
  expect(await arrivals.idOf(requestOf({ [stickyHeader]: 'not a signature' }), generate)).toBe('generated');
});

test('a socket that closes arrives no more', async () => {
  const arrivals = new Arrivals(true);
  const socket = new Duplex();
  arrivals.begin(socket);
  expect(arrivals.size).toBe(1);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
  expect(arrivals.size).toBe(0);
});
