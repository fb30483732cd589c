/** What server hooks, and the check of them, need. It loads nothing of Socket.IO: hooks of agents load it as well, by way of `gopush`. */
export { checkServerHook } from './hook/read-server-hook.ts';
export {
  type Cleanup,
  defineServer,
  type Replacement,
  type ServerClient,
  type ServerHook,
  type Verdict,
} from './hook/server-hook.ts';
export { isMigrated, migratedReason } from './migration/client/is-migrated.ts';
