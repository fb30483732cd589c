import type { IncomingMessage } from 'node:http';
import type { Target } from '@gopush/contract';
import type { SlowClients } from '../../limits/slow-clients.ts';
import { isBodyExpected } from '../../request/request-framing.ts';
import type { RequestBody } from './request-body.ts';
import type { TargetConnections } from './target-connections.ts';

/** What forwarding needs besides request and response. */
export interface ForwardOptions {
  readonly target: Target;
  /** Path and query for the target. */
  readonly path: string;
  /** Headers for the target, as names and values in turn. */
  readonly headers: readonly string[];
  /** Headers of ours for the client, besides the target's. */
  readonly ownHeaders: readonly string[];
  /** The body of the request, the same for each target that is asked. */
  readonly body: RequestBody;
  readonly connections: TargetConnections;
  /** Called when the target announces that it stops. */
  readonly onDraining: (target: Target) => void;
  /** How long nothing may move before the response begins, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Whether requests may share a connection to the target, one after another. */
  readonly reuse: boolean;
  readonly slow: Pick<SlowClients, 'takes'>;
}

/** Whether another request may follow on the same connection to the target. */
export function mayReuse(request: IncomingMessage, { reuse }: ForwardOptions): boolean {
  return reuse && isBodyExpected(request);
}
