/** How a tunnel stands when its target is lost. */
export interface Loss {
  /** Whether either side has sent a close frame. */
  readonly isClosing: boolean;
  readonly isClientGone: boolean;
  /** Whether the target has sent nothing but WebSocket frames. */
  readonly isWebSocket: boolean;
  /** Whether the client has no half frame or event of the target. */
  readonly isWhole: boolean;
}

/**
 * What happens to a session when its target is lost: it `ends`; it `survives` at another target; or it is `cut`,
 * because the client already has half a frame of the target. Half a frame of the client is no reason to cut it:
 * `half-sent-event.ts` replays that to the next target.
 */
export function outcomeOfLoss({ isClosing, isClientGone, isWebSocket, isWhole }: Loss): 'ends' | 'survives' | 'cut' {
  if (isClosing || isClientGone || !isWebSocket) return 'ends';
  return isWhole ? 'survives' : 'cut';
}
