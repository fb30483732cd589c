import type { SessionEntry, SessionStore } from '@gopush/store';

/** A store whose writes can fail, or wait. */
export class MemoryStore implements SessionStore {
  readonly kept = new Map<string, Buffer>();
  writes = 0;
  fails = false;
  /** What writes wait for. */
  until: Promise<unknown> = Promise.resolve();

  save(key: string, payload: Buffer, ttlMs = 1): Promise<void> {
    return this.saveAll([{ key, payload }], ttlMs);
  }

  async saveAll(entries: readonly SessionEntry[], _ttlMs: number, before?: string): Promise<void> {
    this.writes += entries.length;
    await this.until;
    if (this.fails) throw new Error('the store is away');
    for (const { key, payload } of entries) this.kept.set(key, payload);
    if (before !== undefined) this.kept.delete(before);
  }

  async saveOver(key: string, payload: Buffer, ttlMs: number, held: Buffer): Promise<boolean> {
    if (this.kept.get(key)?.equals(held) === false) return false;
    await this.save(key, payload, ttlMs);
    return true;
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
