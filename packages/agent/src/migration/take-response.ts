import { skipFramesHeader } from '@gopush/contract';
import { type BodyFraming, headerOf, type ResponseHead } from '../wire/response-head.ts';
import type { TakeOutcome } from './target-search.ts';

/** The response of a target that was asked to take a session. */
interface TakeResponse {
  readonly head: ResponseHead;
  /** `undefined`: it is an upgrade. */
  readonly body: BodyFraming | undefined;
}

/** More opening frames than any target has. */
const maxSkip = 10_000;

/** Interprets the response of a target that was asked to take a session. */
export function readTakeResponse<T extends TakeResponse>(taken: T): TakeOutcome<T, 'unknown' | 'refused'> {
  const { head, body } = taken;
  if (body === undefined && readSkip(head) !== undefined) return { taken };
  // It has begun a new session, unknown to the client.
  if (body === undefined) return 'refused';
  if (headerOf(head, 'x-gopush-error') === 'session_unknown') return { noTarget: 'unknown' };
  // It may be stopping, or unable to reach its store just now.
  return head.status >= 500 ? 'refused' : { noTarget: 'refused' };
}

/** Returns how many data frames at the start the agent must drop; `undefined`: the target did not take the session. */
export function readSkip(head: ResponseHead): number | undefined {
  const text = headerOf(head, skipFramesHeader) ?? '';
  const skip = Number(text);
  return /^\d{1,5}$/.test(text) && skip <= maxSkip ? skip : undefined;
}
