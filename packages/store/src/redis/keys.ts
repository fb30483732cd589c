import { checkNames } from '../bounds.ts';
import type { KeyStore } from '../keys.ts';
import type { Connection } from './connection.ts';

export function createKeys(connection: Connection): KeyStore {
  // Begins with a write that takes no memory, so that it succeeds although Redis is full: see script-memory.ts.
  const agree = connection.script(
    'key_agree',
    1,
    `redis.call('PERSIST', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1], 'NX') return redis.call('GET', KEYS[1])`,
  );
  return {
    async agree(name, proposal) {
      checkNames(name);
      return (await agree([connection.key('k', name)], proposal)) as Buffer;
    },
  };
}
