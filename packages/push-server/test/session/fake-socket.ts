import { EventEmitter } from 'node:events';
import type { Socket } from 'socket.io';

/** A socket of Socket.IO without a connection: notes what is emitted to its client, and which rooms it is in. */
export class FakeSocket extends EventEmitter {
  readonly id: string;
  readonly emitted: unknown[][] = [];
  readonly rooms = new Set<string>();
  readonly conn = Object.assign(new EventEmitter(), { readyState: 'open', close: () => void this.disconnect() });
  readonly nsp = { name: '/', local: { to: () => this.nsp.local, except: () => this.nsp.local, emit: this.#note() } };
  readonly handshake = { auth: {}, headers: {}, query: {}, address: '127.0.0.1' };
  readonly data = {};
  connected = true;
  recovered = false;
  request: object = { headers: {}, socket: {} };

  constructor(id = 'socket') {
    super();
    this.id = id;
  }

  #note(): (...args: unknown[]) => void {
    return (...args) => void this.emitted.push(args);
  }

  override emit(event: string, ...args: unknown[]): boolean {
    this.emitted.push([event, ...args]);
    return true;
  }

  /** As if an event came from the client, or Socket.IO told of one. */
  receive(event: string, ...args: unknown[]): void {
    super.emit(event, ...args);
  }

  timeout(): { emit: (...args: unknown[]) => void } {
    return { emit: this.#note() };
  }

  join(room: string): void {
    this.rooms.add(room);
  }

  leave(room: string): void {
    this.rooms.delete(room);
  }

  disconnect(): void {
    this.connected = false;
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }
}
