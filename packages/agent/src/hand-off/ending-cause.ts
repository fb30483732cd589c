import type { Ending } from '@gopush/hand-off';
import type { TunnelCause } from '../tunnel/tunnel.ts';

/** The causes that targets may report. Any other text would make a metric of its own. */
const known: Record<string, TunnelCause> = Object.assign(Object.create(null), {
  'client closed': 'client closed',
  'client reset': 'client reset',
  'target closed': 'target closed',
  'target reset': 'target reset',
  'target silent': 'target silent',
  idle: 'idle',
  'too old': 'too old',
  'not resumed': 'not resumed',
});

/** Why a connection that was handed off has ended, by the names of tunnels. */
export function endingCause({ cause = '' }: Ending): TunnelCause {
  return known[cause] ?? 'target closed';
}
