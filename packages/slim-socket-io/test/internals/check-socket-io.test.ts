import { expect, test } from 'vitest';
import { checkSocketIo, judge, runCheck } from '../../src/internals/check-socket-io.ts';
import { installedVersions } from '../../src/internals/installed-versions.ts';
import { missingNames } from '../../src/internals/missing-names.ts';
import type { Purpose } from '../../src/internals/names-of.ts';
import type { WebSocketInternals } from '../../src/internals/private-names.ts';
import { type Rehearsal, rehearse } from '../../src/internals/rehearsal.ts';

test('the installed Socket.IO, Engine.IO and ws have all that gopush touches', async () => {
  const support = await checkSocketIo();
  expect(support).toEqual({ versions: installedVersions(), speed: true, memory: true, warnings: [] });
  for (const version of Object.values(support.versions)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

/** The WebSocket of a connection in memory. */
function webSocketOf({ connection }: Rehearsal): WebSocketInternals {
  return connection.transport.socket as WebSocketInternals;
}

test.each<[name: string, purpose: Purpose, ownerOf: (rehearsal: Rehearsal) => object, value: unknown]>([
  ['Client._remove', 'correctness', ({ client }) => client, undefined],
  ['Client.nsps', 'correctness', ({ client }) => client, {}],
  ['Socket.acks', 'correctness', ({ socket }) => socket, []],
  ['Namespace._ids', 'correctness', ({ socket }) => socket.nsp, '0'],
  ['Adapter._encode', 'correctness', ({ socket }) => socket.nsp.adapter, null],
  ['Adapter.addAll', 'memory', ({ socket }) => socket.nsp.adapter, undefined],
  ['Decoder.opts', 'memory', ({ client }) => client.decoder, undefined],
  ['Sender._extensions', 'memory', (all) => webSocketOf(all)._sender, undefined],
  ['Engine.clients', 'correctness', ({ engine }) => engine, new Map()],
  ['Connection.flush', 'correctness', ({ connection }) => connection, 1],
  ['Connection.cleanupFn', 'memory', ({ connection }) => connection, undefined],
  ['Connection.pingIntervalTimer', 'memory', ({ connection }) => connection, null],
  ['WebSocket._socket', 'correctness', webSocketOf, undefined],
  ['Sender.sendFrame', 'speed', (all) => webSocketOf(all)._sender, 1],
  ['Receiver._state', 'figures', (all) => webSocketOf(all)._receiver, {}],
])('a name that is missing is found: %s', async (name, purpose, ownerOf, value) => {
  const rehearsal = await rehearse();
  try {
    expect(missingNames(rehearsal)).toEqual([]);
    const owner = ownerOf(rehearsal) as Record<string, unknown>;
    const property = name.split('.')[1] as string;
    const before = owner[property];
    owner[property] = value;
    const found = missingNames(rehearsal);
    owner[property] = before;
    expect(found).toContainEqual({ purpose, what: expect.stringContaining(`${name} is not a`) });
  } finally {
    await rehearsal.close();
  }
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

test.each([
  [
    'sends something else',
    ({ connection }: Rehearsal) => {
      const { pingIntervalTimer } = connection;
      Object.assign(pingIntervalTimer as object, { _onTimeout: () => connection.sendPacket('ping') });
    },
  ],
  ['is not set again', ({ connection }: Rehearsal) => Object.assign(connection, { onPacket() {} })],
])('a ping timer that behaves differently switches off what saves memory: it %s', async (_, change) => {
  const support = await runCheck(async () => {
    const rehearsal = await rehearse();
    change(rehearsal);
    return rehearsal;
  });
  expect(support).toMatchObject({ memory: false, speed: true });
  expect(support.warnings).toEqual([expect.stringContaining('Connection.pingIntervalTimer')]);
});

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
  const support = judge(versions, [{ purpose, what: 'Thing._name is not a function' }]);
  expect(support).toMatchObject(expected);
  expect(support.warnings).toEqual([
    expect.stringMatching(/^Thing\._name is not a function \(socket\.io 9\.1\.0.*ws 9\.4\.0\): /),
  ]);
});

test('a fault of correctness ends the start with all such faults and all versions', () => {
  const faults = [
    { purpose: 'correctness', what: 'One.a is not a map' },
    { purpose: 'speed', what: 'Two.b is not a map' },
    { purpose: 'correctness', what: 'Three.c is not a map' },
  ] as const;
  const text =
    'socket.io 9.1.0, socket.io-adapter 9.2.0, engine.io 9.3.0, ws 9.4.0: One.a is not a map; Three.c is not a map.';
  expect(() => judge(versions, faults)).toThrow(text);
});

test('a rehearsal leaves nothing open', async () => {
  const rehearsal = await rehearse();
  await rehearsal.close();
  expect(rehearsal.connection.readyState).toBe('closed');
  expect(rehearsal.io.engine.clientsCount).toBe(0);
});
