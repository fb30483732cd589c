import type { ClientEvent } from '../../src/rooms/delivery/client-event.ts';
import type { Clients } from '../../src/rooms/delivery/clients.ts';

/** Clients that note what they would be sent. */
export class FakeClients implements Clients {
  readonly emitted: { room: string; except: readonly string[]; event: ClientEvent; volatile: boolean }[] = [];
  readonly toAll: { room: string | undefined; event: string; message: unknown }[] = [];
  readonly disconnected: string[] = [];
  /** How many clients are in a room. */
  readonly counts = new Map<string, number>();

  emit(room: string, except: readonly string[], event: ClientEvent, volatile = false): void {
    this.emitted.push({ room, except, event, volatile });
  }

  emitToAll(room: string | undefined, event: string, message: unknown): void {
    this.toAll.push({ room, event, message });
  }

  count(room: string): number {
    return this.counts.get(room) ?? 0;
  }

  historyEnded(): void {}

  disconnect(room: string): void {
    this.disconnected.push(room);
  }
}
