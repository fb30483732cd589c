export type { AdminKey, Caller } from './admin/access.ts';
export { type Admin, type AdminOptions, openAdmin, startAdmin } from './admin/admin.ts';
export { type AdminRoute, readText, respondJson, respondText } from './admin/admin-route.ts';
export type { Check } from './admin/own-routes.ts';
export { setLogLevel } from './admin/set-log-level.ts';
export { AdmissionWindow, type AdmissionWindowOptions, type Place } from './admission-window.ts';
export { afterReading } from './after-reading.ts';
export { Attempts } from './attempts.ts';
export { closeAfter } from './close-after.ts';
export { readNow, writeNow } from './descriptor.ts';
export { drainHttp } from './drain-http.ts';
export { type EventLoopDelay, watchEventLoop } from './event-loop.ts';
export { awaitsContinue, expectsUnknown, handleExpectations, holdContinue, sendContinue } from './expectations.ts';
export { FairPlaces } from './fair-places.ts';
export { FolderError } from './folder-error.ts';
export { hasEnded } from './has-ended.ts';
export { type Close, createLifetime, type Lifetime } from './lifetime.ts';
export { createLimitedWarning } from './limited-warning.ts';
export { linger, lingerAfterResponses } from './linger.ts';
export { ListenError, type ListenSettings, listen, urlOf } from './listen.ts';
export { localAddressTo } from './local-address.ts';
export {
  checkLogger,
  createLogger,
  defaultLogger,
  type Log,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logLevels,
  silentLogger,
} from './logger.ts';
export { machineId, nodeName, withoutMachine } from './machine.ts';
export { createMetrics, type Metrics, waitBuckets } from './metrics.ts';
export { nextTurn } from './next-turn.ts';
export { useOriginForm } from './origin-form.ts';
export { isOwnHost } from './own-host.ts';
export { type BadRequest, refuseBadRequests } from './refuse-bad-requests.ts';
export { followLinks, requireOnDemand } from './require-on-demand.ts';
export { reasonOf, respondOnSocket, type SocketResponse } from './respond-on-socket.ts';
export { serveUpgrades, type UpgradeListener } from './serve-upgrades.ts';
export { shareSocketShapes } from './share-socket-shapes.ts';
export { onStop, type StopOptions, type StopReason, shutdownMessage } from './signals.ts';
export { perMinute, perSecond, type Rate, TokenBucket } from './token-bucket.ts';
export { uptimeMs } from './uptime.ts';
