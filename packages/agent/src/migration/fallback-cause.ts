import type { FailureCode } from '@gopush/contract';
import type { TakeOutcome } from './target-search.ts';

/** Why a session could not go to another target: its client is closed with 1012 and has to reconnect. */
export type FallbackCause =
  | 'unknown'
  | 'held too long'
  | 'refused'
  | 'stopping'
  | 'too many bytes'
  | 'client gone'
  /** The client was within an event of which it had sent more than `seamless.frameBytes`. */
  | 'event too large'
  /** The target ended within a frame. */
  | 'half a frame written'
  /** The target had the client itself, and ended within an event of it. */
  | 'half an event read'
  /** The target had the client itself, and has not noted which messages it has sent and read. */
  | 'not noted'
  /** The target had the client itself, and it was in more rooms than can be followed. */
  | 'too many rooms'
  /** The target has the client itself, lives, and was silent for too long: it may resume, so no other target can continue. */
  | 'target silent';

/** What the failure of a target that was asked to take a session means for the search. */
export function outcomeOfFailure(code: FailureCode): TakeOutcome<never, FallbackCause> {
  if (code === 'client_gone') return { noTarget: 'client gone' };
  return code === 'target_unreachable' || code === 'target_silent' ? 'gone' : 'refused';
}
