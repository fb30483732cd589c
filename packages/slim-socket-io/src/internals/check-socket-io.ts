import { Server as EngineServer } from 'engine.io';
import { ClusterAdapter } from 'socket.io-adapter';
import { describeVersions, installedVersions, type Versions } from './installed-versions.ts';
import { failPendingAcks, pendingAcksOf } from './pending-acks.ts';
import * as names from './private-names.ts';
import { type Rehearsal, rehearse } from './rehearsal.ts';

/** Something that is not as gopush knows it. */
export interface Fault {
  readonly purpose: names.Purpose;
  readonly what: string;
}

/** Which parts of Socket.IO, Engine.IO and `ws` can be replaced. */
export interface Support {
  readonly versions: Versions;
  /** Whether faster writing can be switched on. */
  readonly speed: boolean;
  /** Whether what a client keeps can be replaced by what takes less memory. */
  readonly memory: boolean;
  /** What is not as gopush knows it, and costs speed, memory or exact figures only; one sentence each. */
  readonly warnings: readonly string[];
}

let checked: Promise<Support> | undefined;

/**
 * Looks at the installed Socket.IO, Engine.IO and `ws` before a server uses them: connects a client in memory, and compares every private
 * name that gopush touches with what it knows. Done once for each process.
 *
 * @throws Error with the versions it saw, where a push-server would not work correctly with them
 */
export function checkSocketIo(): Promise<Support> {
  checked ??= runCheck(rehearse);
  return checked;
}

/** The check itself, with connections of any kind. */
export async function runCheck(start: () => Promise<Rehearsal>): Promise<Support> {
  const versions = installedVersions();
  let rehearsal: Rehearsal;
  try {
    rehearsal = await start();
  } catch (cause) {
    throw unsupported(versions, [String((cause as Error).message)], { cause });
  }
  try {
    const missing = missingNames(rehearsal);
    // Nothing is tried out with names that are not there.
    const isUsable = missing.every(({ purpose }) => purpose !== 'correctness');
    return judge(versions, isUsable ? [...missing, ...(await wrongBehaviour(rehearsal))] : missing);
  } finally {
    // What was found says more than that such a connection cannot be closed either.
    await rehearsal.close().catch(() => {});
  }
}

/** @throws Error where a fault is one of correctness */
export function judge(versions: Versions, faults: readonly Fault[]): Support {
  const fatal = faults.filter(({ purpose }) => purpose === 'correctness');
  if (fatal.length > 0)
    throw unsupported(
      versions,
      fatal.map(({ what }) => what),
    );
  const has = (purpose: names.Purpose): boolean => !faults.some((fault) => fault.purpose === purpose);
  return {
    versions,
    speed: has('speed'),
    memory: has('memory'),
    warnings: faults.map(({ what, purpose }) => `${what} (${describeVersions(versions)}): ${consequences[purpose]}`),
  };
}

const consequences: Readonly<Record<names.Purpose, string>> = {
  correctness: 'a push-server would not work correctly',
  speed: 'messages are written at the speed of plain Socket.IO',
  memory: 'clients take as much memory as with plain Socket.IO',
  figures: 'some metrics are less exact',
};

function unsupported(versions: Versions, faults: readonly string[], options?: ErrorOptions): Error {
  return new Error(
    `this version of gopush cannot use ${describeVersions(versions)}: ${faults.join('; ')}. Install versions of the ranges that gopush asks for`,
    options,
  );
}

/** The private names that are not there, or are something else. */
export function missingNames(rehearsal: Rehearsal): Fault[] {
  const { io, engine, request, connection, client, socket } = rehearsal;
  const webSocket = names.webSocketOf(connection);
  return [
    ...compare('Server', io, names.serverNames),
    ...compare('Client', client, names.clientNames),
    ...compare('Decoder', client.decoder, names.decoderNames),
    ...compare('Socket', socket, names.socketNames),
    ...compare('Namespace', socket.nsp, names.namespaceNames),
    ...compare('Adapter', socket.nsp.adapter, names.adapterNames),
    ...compare('ClusterAdapter', ClusterAdapter.prototype, names.clusterAdapterNames),
    ...compare('Engine', engine, names.engineNames),
    ...compare('Request', request, names.requestNames),
    ...compare('Connection', connection, names.connectionNames),
    ...compare('EventEmitter', connection, names.emitterNames),
    ...compare('Transport', connection.transport, names.transportNames),
    ...compare('WebSocket', webSocket, names.webSocketNames),
    ...compare('Receiver', webSocket?._receiver, names.receiverNames),
    ...compare('Sender', webSocket?._sender, names.senderNames),
  ];
}

function compare(owner: string, object: unknown, expected: Readonly<Record<string, string>>): Fault[] {
  return Object.entries(expected).flatMap(([name, expectation]) => {
    const [purpose, kind] = expectation.split(': ') as [names.Purpose, names.Kind];
    const value = (object as Record<string, unknown> | null | undefined)?.[name];
    return kindOf(value) === kind ? [] : [{ purpose, what: `${owner}.${name} is no ${kind}` }];
  });
}

function kindOf(value: unknown): names.Kind | undefined {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'map';
  const type = typeof value;
  if (value === null || type === 'undefined' || type === 'bigint' || type === 'symbol') return undefined;
  return type;
}

/** What the libraries no longer do with the names that are there. */
async function wrongBehaviour(rehearsal: Rehearsal): Promise<Fault[]> {
  const { connection, engine } = rehearsal;
  const holds = {
    counts: await countsAcks(rehearsal),
    fails: await failsAcks(rehearsal),
    holds: await holdsWrites(rehearsal),
  };
  end(rehearsal);
  return [
    ...notCalled(rehearsal),
    ...unless(connection.id.endsWith('.rehearsal'), 'Engine.generateId does not make the id of a connection'),
    ...unless(holds.counts, 'Namespace._ids is not the id of the next event that asks for an ack'),
    ...unless(holds.fails, 'Socket.acks does not hold all callbacks that wait for an ack'),
    ...unless(holds.holds, 'Connection.flush does not stand between Socket.IO and the transport'),
    ...unless(engine instanceof EngineServer, 'socket.io has another engine.io than the one gopush loads', 'speed'),
  ];
}

function unless(holds: boolean, what: string, purpose: names.Purpose = 'correctness'): Fault[] {
  return holds ? [] : [{ purpose, what }];
}

/** Methods that were replaced and have to be called by the time that a client has come and gone. */
const replaced: Readonly<Record<string, names.Purpose>> = {
  'Server.onconnection': 'correctness',
  'Client.ondata': 'correctness',
  'Client.ondecoded': 'correctness',
  'Client.onclose': 'correctness',
  'Client._parseNamespace': 'correctness',
  'Client._packet': 'correctness',
  'Client._remove': 'correctness',
  'Client.writeToEngine': 'correctness',
  'Connection.write': 'correctness',
  'Engine.createTransport': 'speed',
};

function notCalled({ called }: Rehearsal): Fault[] {
  return Object.entries(replaced).flatMap(([name, purpose]) =>
    unless(called.has(name), `${name} is not called where it is replaced`, purpose),
  );
}

async function countsAcks({ socket, written, settled }: Rehearsal): Promise<boolean> {
  await settled();
  names.insideOfNamespace(socket.nsp)._ids = 41;
  written();
  socket.emit('question', () => {});
  await settled();
  return written().includes('4241["question"]') && names.insideOfSocket(socket).acks.has(41);
}

async function failsAcks({ socket, settled }: Rehearsal): Promise<boolean> {
  const before = pendingAcksOf(socket);
  const failed = socket.emitWithAck('another question').then(
    () => false,
    () => true,
  );
  const added = pendingAcksOf(socket) - before;
  failPendingAcks(socket, 'the self-check is over');
  await settled();
  const late = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return added === 1 && pendingAcksOf(socket) === 0 && (await Promise.race([failed, late]));
}

async function holdsWrites({ socket, connection, written, settled }: Rehearsal): Promise<boolean> {
  await settled();
  const { flush } = connection;
  written();
  connection.flush = () => {};
  socket.emit('held');
  const isHeld = written() === '';
  connection.flush = flush;
  connection.flush();
  await settled();
  return isHeld && written().includes('42["held"]');
}

function end({ socket, connection }: Rehearsal): void {
  socket.disconnect();
  connection.close(true);
}
