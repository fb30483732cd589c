export { drainHttp } from './drain-http.ts';
export { type Close, createLifetime, type Lifetime } from './lifetime.ts';
export { ListenError, listen, urlOf } from './listen.ts';
export { createLogger, type Log, type Logger, type LoggerOptions, silentLogger } from './logger.ts';
export { onStop, type StopOptions, type StopReason, shutdownMessage } from './signals.ts';
