import { checkNames } from '../bounds.ts';
import type { KeyStore } from '../keys.ts';
import type { Environment } from './environment.ts';

/** Keys: `agreed name` → the value. */
export function createKeys(environment: Environment): KeyStore {
  return {
    async agree(name, proposal) {
      checkNames(name);
      return environment.write((db) => {
        const kept = db.get(['agreed', name]);
        if (kept !== undefined) return Buffer.from(kept);
        db.put(['agreed', name], proposal);
        return proposal;
      }, 'session');
    },
  };
}
