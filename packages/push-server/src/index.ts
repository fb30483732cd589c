export { createApiDocument } from './api/document.ts';
export * from './for-hooks.ts';
export { type PushServer, startPushServer } from './push-server.ts';
export type { Push, RoomOptions, UserDelivery, UserOptions } from './rooms/publish/push.ts';
export type { History } from './rooms/store/stored-publications.ts';
export type { PushServerOptions } from './start/settings.ts';
