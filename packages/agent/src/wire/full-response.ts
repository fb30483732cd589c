import type { ResponseHead } from './response-head.ts';

/**
 * Whether a target says that it has as many connections as it may have, and has not begun anything, so that another target may be asked. Push-servers
 * say so, and agents that are targets of other agents.
 */
export function saysFull({ status, headers }: ResponseHead): boolean {
  if (status !== 503) return false;
  for (let index = 0; index < headers.length; index += 2) {
    if ((headers[index] as string).toLowerCase() !== 'x-gopush-error') continue;
    return headers[index + 1] === 'too_many_connections';
  }
  return false;
}
