import { headerOf, type ResponseHead } from './response-head.ts';

/**
 * Whether the messages of an upgraded stream are compressed. Its session cannot migrate: what was compressed with the help of earlier messages cannot
 * be read by another target.
 */
export function isCompressed(head: ResponseHead): boolean {
  return headerOf(head, 'sec-websocket-extensions') !== undefined;
}
