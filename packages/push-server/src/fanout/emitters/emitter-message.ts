import { decode } from 'notepack.io';
import type { BroadcastOptions } from 'socket.io-adapter';
import { isOfOwnKind, roomOfClients } from '../../rooms/names/room-names.ts';

/** What `@socket.io/redis-emitter` asks for; the numbers are those of `@socket.io/redis-adapter`. */
export const requestType = { join: 2, leave: 3, disconnect: 4, serverSideEmit: 6 } as const;

/** How a message begins that an emitter has encoded: a list of three, and its name, which is the same for all emitters. */
const start = Buffer.from('\x93\xa7emitter', 'latin1');

/** The first byte of requests: they are JSON. */
const brace = 0x7b;

/** The sockets of a request, as they travel. */
export interface EmitterTarget {
  readonly rooms: unknown;
  readonly except: unknown;
}

/** An event of an emitter for clients. */
export interface EmitterBroadcast {
  /** The name of a namespace. */
  readonly namespace: string;
  /** A list: the event and its arguments. */
  readonly data: unknown;
  readonly how: EmitterTarget & Pick<BroadcastOptions, 'flags'>;
}

/** A request of an emitter. */
export interface EmitterRequest {
  readonly type: number;
  readonly opts: EmitterTarget;
  readonly rooms: unknown;
  readonly close?: boolean;
  readonly data: unknown;
}

/** Whether a published message is of an emitter. @param prefix - the beginning of all channels of emitters */
export function isOfEmitter(prefix: string, channel: Buffer, message: Buffer): boolean {
  if (message[0] === start[0]) return message.subarray(0, start.length).equals(start);
  if (message[0] !== brace || !channel.toString().startsWith(`${prefix}-request#`)) return false;
  // All requests of push-servers name the one that asks.
  const { uid } = JSON.parse(message.toString()) as { uid?: unknown };
  return uid === undefined || uid === 'emitter';
}

/**
 * Reads an event of an emitter.
 *
 * @throws Error for what no emitter publishes
 */
export function readBroadcast(message: Buffer): EmitterBroadcast {
  const [, { nsp: namespace = '/', data }, how] = decode(message) as readonly [
    uid: string,
    packet: { readonly nsp?: string; readonly data: unknown },
    how: EmitterBroadcast['how'],
  ];
  return { namespace, data, how };
}

/**
 * Takes a target to options for an adapter.
 *
 * @throws TypeError for what no emitter sends: without rooms it would affect all clients
 */
export function optionsOf(namespace: string, { rooms, except }: EmitterTarget): BroadcastOptions {
  return { rooms: roomsNamed(namespace, listOf(rooms)), except: roomsNamed(namespace, listOf(except)) };
}

/** @throws TypeError if the value is no list */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError('an emitter published something other than a list of rooms');
}

/** The full names of rooms that emitters name. */
function roomsNamed(namespace: string, names: readonly unknown[]): Set<string> {
  if (namespace !== '/') return new Set(names as readonly string[]);
  const rooms = new Set<string>();
  for (const name of names) {
    rooms.add(roomOfClients(String(name)));
    if (!isOfOwnKind(String(name))) rooms.add(name as string);
  }
  return rooms;
}
