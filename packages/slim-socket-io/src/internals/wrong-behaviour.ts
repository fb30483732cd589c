import { Server as EngineServer } from 'engine.io';
import type { Fault } from './fault.ts';
import { insideOfNamespace, insideOfSocket } from './inside-of.ts';
import type { Purpose } from './names-of.ts';
import { failPendingAcks, pendingAcksOf } from './pending-acks.ts';
import type { Rehearsal } from './rehearsal.ts';

/** Behaviour that the libraries no longer have, although the names exist. */
export async function wrongBehaviour(rehearsal: Rehearsal): Promise<Fault[]> {
  const { connection, engine } = rehearsal;
  const holds = {
    counts: await countsAcks(rehearsal),
    fails: await failsAcks(rehearsal),
    holds: await holdsWrites(rehearsal),
    pings: pingsByTimer(rehearsal),
  };
  end(rehearsal);
  return [
    ...notCalled(rehearsal),
    ...unless(connection.id.endsWith('.rehearsal'), 'Engine.generateId does not make the id of a connection'),
    ...unless(holds.counts, 'Namespace._ids is not the id of the next event that asks for an ack'),
    ...unless(holds.fails, 'Socket.acks does not hold all callbacks that wait for an ack'),
    ...unless(holds.holds, 'Connection.flush does not stand between Socket.IO and the transport'),
    ...unless(holds.pings, 'Connection.pingIntervalTimer does not send the pings as it did', 'memory'),
    ...unless(engine instanceof EngineServer, 'socket.io has another engine.io than the one gopush loads', 'speed'),
  ];
}

function unless(holds: boolean, what: string, purpose: Purpose = 'correctness'): Fault[] {
  return holds ? [] : [{ purpose, what }];
}

/** Methods that were replaced and have to be called by the time that a client has come and gone. */
const replaced: Readonly<Record<string, Purpose>> = {
  'Server.onconnection': 'correctness',
  'Client.ondata': 'correctness',
  'Client.ondecoded': 'correctness',
  'Client.onclose': 'correctness',
  'Client._parseNamespace': 'correctness',
  'Client._packet': 'correctness',
  'Client._remove': 'correctness',
  'Client.writeToEngine': 'correctness',
  'Socket.dispatch': 'correctness',
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
  insideOfNamespace(socket.nsp)._ids = 41;
  written();
  socket.emit('question', () => {});
  await settled();
  return written().includes('4241["question"]') && insideOfSocket(socket).acks.has(41);
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

/** Whether Engine.IO's timer does what a ping queue does instead (`memory/ping-queue.ts`), and is set again by a pong. */
function pingsByTimer({ connection }: Rehearsal): boolean {
  const { pingIntervalTimer, sendPacket, resetPingTimeout } = connection;
  const { _onTimeout: ring } = pingIntervalTimer as { readonly _onTimeout?: () => void };
  const steps: string[] = [];
  connection.hasRefreshedPingTimeout = true;
  Object.assign(connection, {
    sendPacket: (type: string) => steps.push(type),
    resetPingTimeout: () => steps.push('timeout'),
    pingIntervalTimer: { refresh: () => steps.push('again') },
  });
  ring?.();
  connection.onPacket({ type: 'pong' });
  Object.assign(connection, { pingIntervalTimer, sendPacket, resetPingTimeout });
  return steps.join() === 'ping,timeout,again' && !connection.hasRefreshedPingTimeout;
}

function end({ socket, connection }: Rehearsal): void {
  socket.disconnect();
  connection.close(true);
}
