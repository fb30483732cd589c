import type { HistoryStore, KeptMessage } from '@gopush/store';
import { encodePublication, type Publication } from '../../src/rooms/codec/publication.ts';

/** Encodes a message whose other fields do not matter. */
export function encode(publication: Partial<Publication>): Buffer {
  const encoded = encodePublication({
    event: 'news',
    message: undefined,
    except: undefined,
    sender: undefined,
    ...publication,
  });
  if (!encoded.ok) throw new Error(encoded.failure.code);
  return encoded.value;
}

/** The history of one room, in memory. */
export class MemoryHistory {
  epoch: string | undefined;
  /** Offset of the oldest message that is kept. */
  first = 1;
  /** Whether the store is away. */
  isAway = false;
  reads = 0;
  messages: KeptMessage[] = [];

  get last(): number {
    return this.messages.at(-1)?.offset ?? 0;
  }

  /** Appends a message, as another node would. */
  add(publication: Partial<Publication> = {}): KeptMessage {
    this.epoch ??= 'e';
    const message = { offset: this.last + 1, at: 0, payload: encode(publication) };
    this.messages.push(message);
    return message;
  }

  /** Drops all but the newest messages. */
  keep(count: number): void {
    this.messages = this.messages.slice(-count);
    this.first = this.messages[0]?.offset ?? 1;
  }

  /** The store that it is. */
  get store(): HistoryStore {
    const read: HistoryStore['read'] = async (_room, after, limit) => {
      this.reads++;
      if (this.isAway) throw new Error('the store is away');
      const messages = this.messages.filter(({ offset }) => offset > after).slice(0, limit);
      return { epoch: this.epoch, first: this.first, last: this.last, messages };
    };
    const append: HistoryStore['append'] = async (_room, payload, _limits, id) => {
      if (this.isAway) throw new Error('the store is away');
      const found = this.messages.find((kept) => id !== undefined && kept.payload.includes(id));
      if (found !== undefined) return { epoch: this.epoch as string, offset: found.offset, duplicate: true };
      this.epoch ??= 'e';
      this.messages.push({ offset: this.last + 1, at: 0, payload });
      return { epoch: this.epoch, offset: this.last, duplicate: false };
    };
    return { read, append, removed: async () => {} };
  }
}
