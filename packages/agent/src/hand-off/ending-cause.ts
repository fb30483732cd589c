import { type EndingCause, isReportedCause } from '@gopush/contract';
import type { Ending } from '@gopush/hand-off';

/** Why a connection that was handed over has ended. A target that reports no known cause has closed it. */
export function endingCause({ cause = '' }: Ending): EndingCause {
  return isReportedCause(cause) ? cause : 'target closed';
}
