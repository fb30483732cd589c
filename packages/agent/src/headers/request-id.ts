import { randomBytes } from 'node:crypto';

/** Longest request id that is accepted from a proxy in front, in characters. */
const maxLength = 128;

/** Gives requests ids that are unique across processes: a random start for each process, then a count. */
export function createRequestIds(): () => string {
  const start = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${start}-${(count++).toString(36)}`;
}

/** The request id of a trusted proxy in front; `undefined` if it has set none that can be forwarded. */
export function readRequestId(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value.length <= maxLength && /^[!-~]+$/.test(value) ? value : undefined;
}
