import { maxCauseBytes } from './limits.ts';
import { textOf } from './messages.ts';

/** Why a taker does not take an offer; the number is that of the message `unfit`. */
const refusals = ['full', 'unfit', 'bad response'] as const;

export type Refusal = (typeof refusals)[number];

/** The payload of `unfit`: u8 reason, text. */
export function writeRefusal(refusal: Refusal, detail: string): Buffer[] {
  return [Buffer.from([refusals.indexOf(refusal)]), textOf(detail)];
}

/** An unknown reason counts as `unfit`. */
export function readRefusal(payload: Buffer): { readonly refusal: Refusal; readonly detail: string } {
  return { refusal: refusals[payload[0] ?? 1] ?? 'unfit', detail: payload.toString('utf8', 1, 1 + maxCauseBytes) };
}
