export { type EmbeddedOptions, openEmbeddedStore } from './embedded/open-embedded-store.ts';
export type { Appended, HistoryLimits, HistoryPage, HistoryStore, KeptMessage } from './history.ts';
export type { DeliveryStatus, InboxBounds, InboxStore, WaitingMessage } from './inbox.ts';
export { openRedisStore } from './redis/open-redis-store.ts';
export { createRedisClient, type RedisClient } from './redis/redis-client.ts';
export type { RegisteredNode, RegistryStore } from './registry.ts';
export type { SessionStore } from './sessions.ts';
export type { Store, StoreState } from './store.ts';
export { StoreError, type StoreErrorCode } from './store-error.ts';
