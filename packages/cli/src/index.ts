export { type Agent, type AgentOptions, startAgent } from '@gopush/agent';
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
  type Router,
  type SingleTarget,
  type TargetGroup,
  type TargetsInput,
  type UidHook,
  type UidInput,
} from '@gopush/contract';
export { HookError, type HookLocation } from '@gopush/hooks';
export {
  type Cleanup,
  defineServer,
  isMigrated,
  migratedReason,
  type Push,
  type PushServer,
  type PushServerOptions,
  type Replacement,
  type ServerClient,
  type ServerHook,
  startPushServer,
  type Verdict,
} from '@gopush/push-server';
export { ListenError, type Logger, type LoggerOptions, type LogLevel } from '@gopush/service';
export { createLogger } from './create-logger.ts';
