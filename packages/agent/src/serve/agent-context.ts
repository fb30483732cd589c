import type { AllowedOrigins, Config, Target } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HandOff } from '../hand-off/hand-off.ts';
import type { HeaderWriter } from '../headers/header-writer.ts';
import type { OriginOf } from '../headers/request-origin.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import type { Limits } from '../limits/limits.ts';
import type { SlowClients } from '../limits/slow-clients.ts';
import type { Migration } from '../migration/open-migration.ts';
import type { Observer } from '../observe/observer.ts';
import type { TargetConnections } from '../proxy/http/target-connections.ts';
import type { ReadBodies } from '../request/read-body.ts';
import type { ResolveContext } from '../route/resolve.ts';
import type { ServeContext } from '../route/serve-by-target.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import type { ApiCallers } from './api-callers.ts';

/** What serving requests needs: made once by `startAgent`, used for HTTP requests and upgrades. */
export interface AgentContext extends ResolveContext, ServeContext {
  readonly config: Config;
  /** Name of this agent, as targets see it. */
  readonly node: string;
  readonly log: Logger;
  /** The hooks as they are now. */
  readonly hooks: () => HookSet;
  readonly apiCallers: ApiCallers;
  /** Connections to targets, for HTTP requests. */
  readonly connections: TargetConnections;
  /** Called with a target that has announced that it stops. */
  readonly onDraining: (target: Target) => void;
  readonly tunnels: Tunnels;
  /** `undefined`: all upgraded connections are tunnels. */
  readonly handOff: HandOff | undefined;
  /** Why that is so. */
  readonly noHandOff: string | undefined;
  readonly originOf: OriginOf;
  readonly headers: HeaderWriter;
  /** Which pages may connect, besides those of the gateway's own origin. */
  readonly pages: AllowedOrigins;
  readonly limits: Limits;
  readonly slow: SlowClients;
  readonly observer: Observer;
  readonly migration: Migration;
  /** Bodies while hooks may read them. */
  readonly readBodies: ReadBodies;
}
