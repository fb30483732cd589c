import { expect, test } from 'vitest';
import { checkSocketIo, judge, missingNames, runCheck } from '../../src/internals/check-socket-io.ts';
import { installedVersions } from '../../src/internals/installed-versions.ts';
import { type Rehearsal, rehearse } from '../../src/internals/rehearsal.ts';

test('the installed Socket.IO, Engine.IO and ws have all that gopush touches', async () => {
  const support = await checkSocketIo();
  expect(support).toEqual({ versions: installedVersions(), speed: true, memory: true, warnings: [] });
  for (const version of Object.values(support.versions)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

/** The inner WebSocket of a connection in memory. */
function webSocketOf({ connection }: Rehearsal): Record<string, unknown> {
  return connection.transport.socket as unknown as Record<string, unknown>;
}

test.each([
  ['Client._remove', 'correctness', ({ client }: Rehearsal) => Object.assign(client, { _remove: undefined })],
  ['Client.nsps', 'correctness', ({ client }: Rehearsal) => Object.assign(client, { nsps: {} })],
  ['Socket.acks', 'correctness', ({ socket }: Rehearsal) => Object.assign(socket, { acks: [] })],
  ['Namespace._ids', 'correctness', ({ socket }: Rehearsal) => Object.assign(socket.nsp, { _ids: '0' })],
  ['Adapter._encode', 'correctness', ({ socket }: Rehearsal) => Object.assign(socket.nsp.adapter, { _encode: null })],
  ['Engine.clients', 'correctness', ({ engine }: Rehearsal) => Object.assign(engine, { clients: new Map() })],
  ['Connection.flush', 'correctness', ({ connection }: Rehearsal) => Object.assign(connection, { flush: 1 })],
  [
    'Connection.cleanupFn',
    'memory',
    ({ connection }: Rehearsal) => Object.assign(connection, { cleanupFn: undefined }),
  ],
  ['WebSocket._socket', 'correctness', (all: Rehearsal) => Object.assign(webSocketOf(all), { _socket: undefined })],
  [
    'Sender.sendFrame',
    'speed',
    (all: Rehearsal) => Object.assign(webSocketOf(all)._sender as object, { sendFrame: 1 }),
  ],
  [
    'Receiver._state',
    'figures',
    (all: Rehearsal) => Object.assign(webSocketOf(all)._receiver as object, { _state: {} }),
  ],
])('a name that is missing is found: %s', async (name, purpose, remove) => {
  const rehearsal = await rehearse();
  expect(missingNames(rehearsal)).toEqual([]);
  const { flush } = rehearsal.connection;
  remove(rehearsal);
  expect(missingNames(rehearsal)).toContainEqual({ purpose, what: expect.stringContaining(`${name} is no `) });
  rehearsal.connection.flush = flush;
});

test.each([
  [
    'Namespace._ids is not the id',
    ({ socket }: Rehearsal) => Object.defineProperty(socket.nsp, '_ids', { get: () => 7, set() {} }),
  ],
  ['Socket.acks does not hold', ({ socket }: Rehearsal) => Object.assign(socket, { registerAckCallback() {} })],
  [
    'Connection.flush does not stand between',
    ({ connection }: Rehearsal) =>
      Object.defineProperty(connection, 'flush', { get: () => Object.getPrototypeOf(connection).flush, set() {} }),
  ],
  ['Engine.generateId does not make', ({ connection }: Rehearsal) => Object.assign(connection, { id: 'another' })],
  [
    'Server.onconnection is not called',
    ({ called }: Rehearsal) => (called as Set<string>).delete('Server.onconnection'),
  ],
])(
  'a server does not start with libraries that behave differently, and is told their versions: %s',
  async (what, change) => {
    const changed = async (): Promise<Rehearsal> => {
      const rehearsal = await rehearse();
      change(rehearsal);
      return rehearsal;
    };
    const { ws } = installedVersions();
    await expect(runCheck(changed)).rejects.toThrow(new RegExp(`ws ${ws}.*${what}`));
  },
);

test('a server does not start if no connection comes of a handshake', async () => {
  const { 'socket.io': version } = installedVersions();
  await expect(runCheck(() => Promise.reject(new Error('nothing came')))).rejects.toThrow(
    new RegExp(`socket.io ${version}.*nothing came`),
  );
});

const versions = { 'socket.io': '9.1.0', 'socket.io-adapter': '9.2.0', 'engine.io': '9.3.0', ws: '9.4.0' };

test.each([
  ['speed', { speed: false, memory: true }],
  ['memory', { speed: true, memory: false }],
  ['figures', { speed: true, memory: true }],
] as const)('a fault of %s is a warning, and nothing else is switched off', (purpose, expected) => {
  const support = judge(versions, [{ purpose, what: 'Thing._name is no function' }]);
  expect(support).toMatchObject(expected);
  expect(support.warnings).toEqual([
    expect.stringMatching(/^Thing\._name is no function \(socket\.io 9\.1\.0.*ws 9\.4\.0\): /),
  ]);
});

test('a fault of correctness ends the start with all such faults and all versions', () => {
  const faults = [
    { purpose: 'correctness', what: 'One.a is no map' },
    { purpose: 'speed', what: 'Two.b is no map' },
    { purpose: 'correctness', what: 'Three.c is no map' },
  ] as const;
  const text =
    'socket.io 9.1.0, socket.io-adapter 9.2.0, engine.io 9.3.0, ws 9.4.0: One.a is no map; Three.c is no map.';
  expect(() => judge(versions, faults)).toThrow(text);
});

test('a rehearsal leaves nothing open', async () => {
  const rehearsal = await rehearse();
  await rehearsal.close();
  expect(rehearsal.connection.readyState).toBe('closed');
  expect(rehearsal.io.engine.clientsCount).toBe(0);
});
