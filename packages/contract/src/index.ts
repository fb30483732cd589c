export { canonicalAddress, isUnspecified, plainAddress, readAddress } from './address/address.ts';
export { clientAddress } from './address/client-address.ts';
export { networkOf } from './address/network-of.ts';
export { createTrust, type Trust } from './address/trust.ts';
export type { AnyEvents } from './any-events.ts';
export { listVariables, type Variable } from './config/environment.ts';
export { environmentName } from './config/environment-name.ts';
export { configJsonSchema, describeSchema, type JsonSchema } from './config/json-schema.ts';
export { type ConfigSource, createConfig, type ParsedConfig, parseConfig } from './config/parse.ts';
export { type ConfigProblem, formatConfigProblems } from './config/problem.ts';
export { type ApiScope, apiScopes, type WebhookEventName } from './config/schema/api.ts';
export { isLoopback } from './config/schema/parts.ts';
export { type Config, type ConfigInput, configSchema, type RedisConfig } from './config/schema.ts';
export { type EndingCause, isReportedCause, type ReportedCause } from './ending-cause.ts';
export {
  type Failure,
  type FailureCode,
  type FailureRow,
  failureBody,
  failures,
  messageOf,
} from './failure.ts';
export { type FailureResponse, failureResponse, retryAfter } from './failure-response.ts';
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
export { anonymous } from './identity/anonymous.ts';
export { apiPath, createKeyFinder, isForApi, readApiKey } from './identity/api-key.ts';
export {
  agentHeader,
  defaultProduct,
  type Identity,
  identityHeaderPrefix,
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
} from './identity/identity.ts';
export {
  audienceOf,
  isIdentitySigned,
  pushServerAudience,
  requestIdHeader,
  type SignedHeaders,
  signatureHeader,
  signIdentity,
} from './identity/signature.ts';
export { writeUid } from './identity/uid-query.ts';
export {
  alivePing,
  canMigrateHeader,
  chosenPong,
  clientStoppedPong,
  drainingHeader,
  incompletePositions,
  keepsTokenBefore,
  lastPositionsHeader,
  maxPositionBytes,
  type NumberedPosition,
  numberOfEpoch,
  readNumberedPosition,
  readPosition,
  sessionTokenHeader,
  skipFramesHeader,
  stopClientPing,
  writeNumberedPosition,
  writePosition,
} from './migration.ts';
export { type AllowedOrigins, openPages, settleLocalPages } from './origins/allowed-origins.ts';
export { allowReading, allowSending, isListed, isPreflight } from './origins/cors.ts';
export { readOrigin } from './origins/origin.ts';
export { type AskedServer, namesPage, printable, vouchHeader, whyRefused } from './origins/page.ts';
export { decodePercent } from './reading/decode-percent.ts';
export { maxDepth, maxDepthOfPrograms, type Shape, shapeOf } from './reading/depth.ts';
export { kindOf } from './reading/kind-of.ts';
export { type KeysOf, refuseUnknownKeys, unknownKey } from './reading/known-keys.ts';
export { nameFault } from './reading/name.ts';
export { nearest } from './reading/nearest.ts';
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
export { isForEngine, usualEnginePath } from './routing/engine-path.ts';
export { createRouteTable, matchRoute, type RouteTable } from './routing/match-route.ts';
export { parseTargets } from './routing/parse-targets.ts';
export {
  type ProductInput,
  type ProductOptions,
  type ProductPolicy,
  type ProductRoute,
  parseProduct,
} from './routing/product.ts';
export { isHandshake, readProduct, readSid } from './routing/query.ts';
export { isRoutes, parseRoutes, type RouteEntry, type RouteInput } from './routing/route.ts';
export {
  createStickySignatures,
  readSidSignature,
  readStickySignature,
  type StickyKeys,
  type StickySignatures,
  stickyCookie,
  stickyHeader,
} from './routing/sticky.ts';
export { scopeEnd, scopeOfProduct, storedRoom } from './routing/stored-names.ts';
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
  type TargetPlace,
  type TargetSource,
  type TargetsInput,
  type UrlTarget,
} from './routing/target.ts';
export type { PemInput, TargetTls, TlsInput } from './routing/target-tls.ts';
