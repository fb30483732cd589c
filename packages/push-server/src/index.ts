export { type PushServer, type PushServerOptions, startPushServer } from './push-server.ts';
export type { Push } from './rooms/push.ts';
