export { createApiDocument } from './api/document.ts';
export {
  type Cleanup,
  defineServer,
  type Replacement,
  type ServerClient,
  type ServerHook,
  type Verdict,
} from './hook/server-hook.ts';
export { isMigrated, migratedReason } from './migration/client/is-migrated.ts';
export { type PushServer, startPushServer } from './push-server.ts';
export type { Push, RoomOptions, UserDelivery, UserOptions } from './rooms/publish/push.ts';
export type { History } from './rooms/store/stored-publications.ts';
export type { PushServerOptions } from './start/settings.ts';
