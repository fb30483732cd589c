import type { HandedClient } from './handed-client.ts';
import type { HandOffRecord } from './record.ts';

/** Of how many connections. */
const most = 256;

/** The records of the connections that were handed over last, as objects: those that end soon need not be read back and parsed. */
export class NewestRecords {
  readonly #records = new Map<HandedClient, HandOffRecord>();

  add(client: HandedClient, record: HandOffRecord): void {
    this.#records.set(client, record);
    if (this.#records.size <= most) return;
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      return;
    }
  }

  /** Removes the record of a client. @returns `undefined`: it is not one of the newest */
  take(client: HandedClient): HandOffRecord | undefined {
    const record = this.#records.get(client);
    if (record !== undefined) this.#records.delete(client);
    return record;
  }
}
