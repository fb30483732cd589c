import type { FailureCode } from '@gopush/contract';
import { headerOf, type ResponseHead } from './response-head.ts';

/**
 * Whether a target responds that it takes no new clients and has not begun anything, so that another target may be
 * asked. Push-servers that are full or drained do so, and agents that are targets of other agents.
 *
 * @returns why it takes none
 */
export function fullOrDraining(head: ResponseHead): FailureCode | undefined {
  if (head.status !== 503) return undefined;
  switch (headerOf(head, 'x-gopush-error')) {
    case 'too_many_connections':
      return 'target_full';
    case 'draining':
      return 'target_draining';
    default:
      return undefined;
  }
}
