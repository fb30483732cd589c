export { emitLocal } from './emit/emit-local.ts';
export { writeFast } from './emit/write-fast.ts';
export { createRedisClient, type RedisClient } from './fanout/redis-client.ts';
export { type PushServer, type PushServerOptions, startPushServer } from './push-server.ts';
export type { Push } from './rooms/push.ts';
