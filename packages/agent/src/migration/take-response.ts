import { skipFramesHeader } from '@gopush/contract';
import type { UpgradeResponse } from '../proxy/upgrade/request-upgrade.ts';
import { headerOf, type ResponseHead } from '../wire/response-head.ts';
import type { TakeOutcome } from './target-search.ts';

/** More opening frames than any target has. */
const maxSkip = 10_000;

/** What the response of a target to a request to take a session means. */
export function readTakeResponse(taken: UpgradeResponse): TakeOutcome<UpgradeResponse, 'unknown' | 'refused'> {
  const { head, body } = taken;
  if (body === undefined && readSkip(head) !== undefined) return { taken };
  // It has begun a new session, which its client knows nothing of.
  if (body === undefined) return 'refused';
  if (headerOf(head, 'x-gopush-error') === 'session_unknown') return { noTarget: 'unknown' };
  // It may be stopping, or unable to reach its store just now.
  return head.status >= 500 ? 'refused' : { noTarget: 'refused' };
}

/** How many of its first data frames are not for the client. 0: it sends nothing of its own first. `undefined`: it has not taken the session. */
export function readSkip(head: ResponseHead): number | undefined {
  const text = headerOf(head, skipFramesHeader) ?? '';
  const skip = Number(text);
  return /^\d{1,5}$/.test(text) && skip <= maxSkip ? skip : undefined;
}
