import { ClusterAdapter } from 'socket.io-adapter';
import type { Fault } from './fault.ts';
import { webSocketOf } from './inside-of.ts';
import type { Kind, Purpose } from './names-of.ts';
import * as names from './private-names.ts';
import type { Rehearsal } from './rehearsal.ts';

/** The private names that are not there, or are something else. */
export function missingNames(rehearsal: Rehearsal): Fault[] {
  const { io, engine, request, connection, client, socket } = rehearsal;
  const webSocket = webSocketOf(connection);
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
    const [purpose, kind] = expectation.split(': ') as [Purpose, Kind];
    const value = (object as Record<string, unknown> | null | undefined)?.[name];
    return kindOf(value) === kind
      ? []
      : [{ purpose, what: `${owner}.${name} is not ${/^[ao]/.test(kind) ? 'an' : 'a'} ${kind}` }];
  });
}

function kindOf(value: unknown): Kind | undefined {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'map';
  const type = typeof value;
  if (value === null || type === 'undefined' || type === 'bigint' || type === 'symbol') return undefined;
  return type;
}
