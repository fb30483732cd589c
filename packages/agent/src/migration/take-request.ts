import {
  canMigrateHeader,
  keepsTokenBefore,
  lastPositionsHeader,
  sessionTokenHeader,
  type Target,
} from '@gopush/contract';
import type { HeaderWriter } from '../headers/header-writer.ts';
import type { SessionRequest } from '../request/session-request.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../wire/write-head.ts';

/** A session that a target is to take. */
export interface TakeRequest {
  readonly info: Pick<TunnelInfo, 'id' | 'uid' | 'product'>;
  /** Of its client. */
  readonly request: Pick<SessionRequest, 'path' | 'headers'>;
  readonly token: string;
  /** The positions that the client was given, as {@link lastPositionsHeader} has them; empty: none. */
  readonly positions: string;
}

/** Writes the request that asks a target to take a session. */
export function writeTakeRequest(
  headers: Pick<HeaderWriter, 'ofIdentity'>,
  { info: { id, uid, product }, request, token, positions }: TakeRequest,
  target: Target,
): string {
  const own = [
    ...headers.ofIdentity({ uid, product }, id, target),
    ...[canMigrateHeader, keepsTokenBefore, sessionTokenHeader, token],
    ...(positions === '' ? [] : [lastPositionsHeader, positions]),
  ];
  return writeRequestHead('GET', request.path, writeHost(request.headers, target) + writeHeaders(own));
}
