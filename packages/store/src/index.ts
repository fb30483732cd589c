export { type EmbeddedOptions, openEmbeddedStore } from './embedded/open-embedded-store.ts';
export type { Appended, HistoryLimits, HistoryPage, HistoryStore, KeptMessage } from './history.ts';
export type { DeliveryStatus, InboxBounds, InboxStore, WaitingMessage } from './inbox.ts';
export type { KeyStore } from './keys.ts';
export { openStore } from './open-store.ts';
export type {
  FoundNames,
  PresenceCounts,
  PresenceStore,
  RoomLeft,
  RoomPage,
  RoomUser,
  Swept,
  UserPresence,
} from './presence.ts';
export { explainRedisError } from './redis/explain-redis-error.ts';
export { followProblems } from './redis/follow-problems.ts';
export { openRedisStore } from './redis/open-redis-store.ts';
export { createRedisClient, type RedisClient, watchOf } from './redis/redis-client.ts';
export type { ServerWatch } from './redis/server-watch.ts';
export { locateRedisFiles } from './redis/tls-options.ts';
export { writeTogetherInMicrotask } from './redis/write-together.ts';
export type { RegisteredNode, RegistryStore } from './registry.ts';
export type { SessionEntry, SessionStore } from './sessions.ts';
export { isBack, type StateListener, type Store, type StoreState } from './store.ts';
export { StoreError, type StoreErrorCode } from './store-error.ts';
export {
  type KeptSummaries,
  type KeptSummary,
  maxCommandBytes,
  maxSummaryBytes,
  type SummaryStore,
} from './summaries.ts';
export { decodeValue, encodeValue } from './value-codec.ts';
