export { canonicalAddress, plainAddress, readAddress } from './address/address.ts';
export { clientAddress } from './address/client-address.ts';
export { networkOf } from './address/network-of.ts';
export { createTrust, type Trust } from './address/trust.ts';
export { type AllowedOrigins, openPages, settleLocalPages } from './allowed-origins.ts';
export { anonymous } from './anonymous.ts';
export { apiPath, createKeyFinder, isForApi, readApiKey } from './api-key.ts';
export { listVariables, type Variable } from './config/environment.ts';
export { environmentName } from './config/environment-name.ts';
export { configJsonSchema, describeSchema, type JsonSchema } from './config/json-schema.ts';
export { nearest } from './config/nearest.ts';
export { type ConfigSource, createConfig, type ParsedConfig, parseConfig } from './config/parse.ts';
export { type ConfigProblem, formatConfigProblems } from './config/problem.ts';
export { type Config, type ConfigInput, isLoopback, type RedisConfig } from './config/schema.ts';
export { type ApiScope, apiScopes, type WebhookEventName } from './config/schema-api.ts';
export { allowReading, allowSending, isListed, isPreflight } from './cors.ts';
export { maxDepth, maxDepthOfPrograms, type Shape, shapeOf } from './depth.ts';
export { isForEngine, usualEnginePath } from './engine-path.ts';
export {
  type Failure,
  type FailureCode,
  type FailureRow,
  failureBody,
  failures,
  messageOf,
} from './failure.ts';
export {
  type AgentApp,
  type AgentAppHook,
  agentHookKind,
  defineAgent,
  defineAgentApp,
  defineOnUpgrade,
  defineRouter,
  type HookName,
  type HookRequest,
  type Hooks,
  type RouteHook,
  type Router,
  type UidHook,
  type UidInput,
} from './hooks.ts';
export {
  agentHeader,
  decodePercent,
  defaultProduct,
  type Identity,
  identityHeaderPrefix,
  kindOf,
  maxProductBytes,
  maxUidBytes,
  noUser,
  parseUid,
  productHeader,
  productParameter,
  readIdentity,
  uidHeader,
  uidParameter,
  writeIdentity,
} from './identity.ts';
export { type KeysOf, refuseUnknownKeys, unknownKey } from './known-keys.ts';
export { createRouteTable, matchRoute, type RouteTable } from './match-route.ts';
export {
  alivePing,
  canMigrateHeader,
  chosenPong,
  clientStoppedPong,
  drainingHeader,
  incompletePositions,
  lastPositionsHeader,
  readPosition,
  sessionTokenHeader,
  skipFramesHeader,
  stopClientPing,
  writePosition,
} from './migration.ts';
export { nameFault } from './name.ts';
export { readOrigin } from './origin.ts';
export { type AskedServer, namesPage, printable, vouchHeader, whyRefused } from './page.ts';
export { parseTargets } from './parse-targets.ts';
export {
  type ProductInput,
  type ProductOptions,
  type ProductPolicy,
  type ProductRoute,
  parseProduct,
} from './product.ts';
export { isHandshake, readProduct, readSid } from './query.ts';
export { failed, type Result, success } from './result.ts';
export {
  type AboutMessage,
  type Ack,
  type Closing,
  events,
  type Gap,
  greeting,
  type InboxMessage,
  type Joined,
  type JoinRequest,
  maxCursorBytes,
  maxPresencePage,
  type Position,
  type PresenceEvent,
  type PresencePage,
  type PresenceRequest,
  type Published,
  type PublishRequest,
  parseEvent,
  parseJoins,
  parsePresence,
  parsePublish,
  parseRoom,
  parseRoomMessage,
  parseRooms,
  type RoomMessage,
  type Welcome,
} from './room.ts';
export { isRoutes, parseRoutes, type RouteEntry, type RouteInput } from './route.ts';
export {
  audienceOf,
  isIdentitySigned,
  pushServerAudience,
  requestIdHeader,
  type SignedHeaders,
  signatureHeader,
  signIdentity,
} from './signature.ts';
export {
  createStickyMarks,
  readSidMark,
  readStickyMark,
  type StickyKeys,
  type StickyMarks,
  stickyCookie,
  stickyHeader,
} from './sticky.ts';
export {
  builtIn,
  createTarget,
  createTargetWith,
  type DnsTargets,
  type SingleTarget,
  type SrvTargets,
  type Target,
  type TargetGroup,
  type TargetOptions,
  type TargetSource,
  type TargetsInput,
  type UrlTarget,
} from './target.ts';
export type { PemInput, TargetTls, TlsInput } from './target-tls.ts';
export { writeUid } from './uid-query.ts';
