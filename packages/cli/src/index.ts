export type { Agent, AgentOptions } from '@gopush/agent';
export {
  type AgentApp,
  type AgentAppHook,
  anonymous,
  builtIn,
  type Config,
  type ConfigInput,
  createConfig,
  defineAgent,
  defineAgentApp,
  defineOnUpgrade,
  defineRouter,
  type Failure,
  type FailureCode,
  failures,
  type HookRequest,
  type Hooks,
  type RouteHook,
  type RouteInput,
  type Router,
  type SingleTarget,
  type TargetGroup,
  type TargetsInput,
  type TlsInput,
  type UidHook,
  type UidInput,
  type UrlTarget,
} from '@gopush/contract';
export { HookError, type HookLocation } from '@gopush/hooks';
export type { Push, PushServer, PushServerOptions } from '@gopush/push-server';
export {
  type Cleanup,
  defineServer,
  isMigrated,
  migratedReason,
  type Replacement,
  type ServerClient,
  type ServerHook,
  type Verdict,
} from '@gopush/push-server/for-hooks';
export { type AcceptHandOffsOptions, acceptHandOffs, type HandOffs } from '@gopush/push-server/own-servers';
export { ListenError, type Logger, type LoggerOptions, type LogLevel } from '@gopush/service';
export { createLogger } from './create-logger.ts';
export { startAgent } from './start-agent.ts';
export { startPushServer } from './start-push-server.ts';
