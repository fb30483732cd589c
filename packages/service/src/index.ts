export { type Admin, type AdminOptions, type Check, openAdmin, startAdmin } from './admin.ts';
export { drainHttp } from './drain-http.ts';
export { type EventLoopDelay, watchEventLoop } from './event-loop.ts';
export { type Close, createLifetime, type Lifetime } from './lifetime.ts';
export { ListenError, listen, urlOf } from './listen.ts';
export { createLogger, type Log, type Logger, type LoggerOptions, type LogLevel, silentLogger } from './logger.ts';
export { createMetrics, type Metrics, waitBuckets } from './metrics.ts';
export { onStop, type StopOptions, type StopReason, shutdownMessage } from './signals.ts';
export { createTokenBucket, type TokenBucket } from './token-bucket.ts';
