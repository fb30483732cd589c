import { checkIntegers, checkNames } from '../bounds.ts';
import type { SessionStore } from '../sessions.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import type { Sweep } from './sweep.ts';
import { packTimed, timeOf, unpackTimed } from './values.ts';

/** Keys: `session key` → when it expires, and its bytes. */
export function createSessions(environment: Environment): SessionStore & { readonly sweep: Sweep } {
  const find = (db: Database, key: string): Buffer | undefined => {
    const packed = db.get(['session', key]);
    return packed === undefined || timeOf(packed) <= environment.now() ? undefined : unpackTimed(packed).payload;
  };
  const saveAll: SessionStore['saveAll'] = async (entries, ttlMs, before) => {
    for (const { key } of entries) checkNames(key);
    if (before !== undefined) checkNames(before);
    checkIntegers(1, { ttlMs });
    await environment.write((db) => {
      const until = environment.now() + ttlMs;
      for (const { key, payload } of entries) db.put(['session', key], packTimed(until, payload));
      if (before !== undefined) db.remove(['session', before]);
    }, 'session');
  };
  return {
    save: (key, payload, ttlMs) => saveAll([{ key, payload }], ttlMs),
    saveAll,
    async saveOver(key, payload, ttlMs, held) {
      checkNames(key);
      checkIntegers(1, { ttlMs });
      return environment.write((db) => {
        const isHeld = find(db, key)?.equals(held) ?? true;
        if (isHeld) db.put(['session', key], packTimed(environment.now() + ttlMs, payload));
        return isHeld;
      }, 'session');
    },
    async take(key) {
      checkNames(key);
      const taken = environment.write((db) => {
        const found = find(db, key);
        db.remove(['session', key]);
        return found;
      });
      return taken.catch(() => environment.read((db) => find(db, key)));
    },
    async read(key) {
      checkNames(key);
      return environment.read((db) => find(db, key));
    },
    async remove(key) {
      checkNames(key);
      await environment.write((db) => void db.remove(['session', key]));
    },
    sweep: {
      kind: 'session',
      isDue: (_, __, value, { now }) => timeOf(value) <= now,
      clean: (db, key) => void db.remove(key as string[]),
    },
  };
}
