import type { SessionStore } from '@gopush/store';

/** A store whose writes can fail, or wait. */
export class MemoryStore implements SessionStore {
  readonly kept = new Map<string, Buffer>();
  writes = 0;
  fails = false;
  /** What writes wait for. */
  until: Promise<unknown> = Promise.resolve();

  async save(key: string, payload: Buffer): Promise<void> {
    this.writes++;
    await this.until;
    if (this.fails) throw new Error('the store is away');
    this.kept.set(key, payload);
  }

  async take(key: string): Promise<Buffer | undefined> {
    const found = this.kept.get(key);
    this.kept.delete(key);
    return found;
  }

  async read(key: string): Promise<Buffer | undefined> {
    return this.kept.get(key);
  }

  async remove(key: string): Promise<void> {
    this.kept.delete(key);
  }
}
