import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { sessionTokenHeader } from '@gopush/contract';
import { expect, test } from 'vitest';
import { Arrivals } from '../../../src/migration/take/arrivals.ts';
import { interceptTakes, judgeUpgrade, type Phase } from '../../../src/migration/take/intercept-takes.ts';
import type { TakenSession } from '../../../src/migration/take/take-session.ts';
import { sessionOf } from '../../support/stored-session.ts';

test('what becomes of an upgrade', () => {
  expect(judgeUpgrade(false, 'serving')).toBe('pass');
  expect(judgeUpgrade(true, 'serving')).toBe('take');
  // New clients are still served, and given like the others.
  expect(judgeUpgrade(false, 'draining')).toBe('pass');
  expect(judgeUpgrade(true, 'draining')).toBe('stopping');
  expect(judgeUpgrade(false, 'drained')).toBe('stopping');
  expect(judgeUpgrade(true, 'drained')).toBe('stopping');
});

const taken: TakenSession = {
  record: sessionOf(),
  given: [],
  token: 'next',
  usedToken: 'old',
  saved: Promise.resolve(true),
};

/** A server with Engine.IO's place taken by a list of the requests that reach it. */
function start(take: () => Promise<TakenSession | undefined>, phases: Phase[] = ['serving']) {
  const http = createServer();
  const passed: (string | undefined)[] = [];
  http.on('upgrade', (request: IncomingMessage) => passed.push(request.url));
  const warnings: unknown[] = [];
  const log = { warn: (_: unknown, text: string) => warnings.push(text) } as never;
  const arrivals = new Arrivals(true);
  const phase = (): Phase => (phases.length > 1 ? (phases.shift() as Phase) : (phases[0] as Phase));
  interceptTakes({ http, arrivals, phase, take, log });
  const upgrade = (headers: Record<string, string>): { socket: Duplex; response: () => string } => {
    let written = '';
    const socket = new Duplex({
      read() {},
      write(chunk, _, done) {
        written += chunk;
        done();
      },
    });
    http.emit('upgrade', { url: '/socket.io/?EIO=4&sid=abc&transport=websocket', headers }, socket, Buffer.alloc(0));
    return { socket, response: () => written };
  };
  return { upgrade, passed, warnings, arrivals };
}
const withToken = { [sessionTokenHeader]: 'old' };

test('an upgrade that continues no session reaches Engine.IO at once, as it is', () => {
  const { upgrade, passed } = start(async () => taken);
  upgrade({});
  expect(passed).toEqual(['/socket.io/?EIO=4&sid=abc&transport=websocket']);
});

test('an upgrade that continues a session reaches Engine.IO once that is taken, and begins an Engine.IO session of its own', async () => {
  const { upgrade, passed, arrivals } = start(async () => taken);
  const { socket } = upgrade(withToken);
  expect([passed, arrivals.size]).toEqual([[], 1]);
  await new Promise(setImmediate);
  expect(passed).toEqual(['/socket.io/?EIO=4&transport=websocket']);
  socket.destroy();
  await once(socket, 'close');
  expect(arrivals.size).toBe(0);
});

test('an upgrade is refused where its session is unknown, the store is away, or this node was drained meanwhile', async () => {
  const away = async () => {
    throw new Error('away');
  };
  const cases = [
    [async () => undefined, ['serving'], 'session_unknown', []],
    [away, ['serving'], 'not_durable', ['a session cannot be looked up']],
    [async () => taken, ['serving', 'drained'], 'stopping', []],
    [async () => taken, ['draining'], 'stopping', []],
  ] as const;
  for (const [take, phases, code, logged] of cases) {
    const { upgrade, passed, warnings } = start(take, [...phases]);
    const { socket, response } = upgrade(withToken);
    await once(socket, 'close');
    expect(response()).toContain(`x-gopush-error: ${code}\r\n`);
    expect(passed).toEqual([]);
    expect(warnings).toEqual(logged);
  }
});

test('a connection that breaks while its session is looked for ends nothing else', async () => {
  const { upgrade } = start(async () => undefined);
  const { socket } = upgrade(withToken);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy(new Error('reset'));
  await closed;
  expect(socket.errored).toBeInstanceOf(Error);
});
