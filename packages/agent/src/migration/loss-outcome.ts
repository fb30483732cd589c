/** How a tunnel stands when its target is lost. */
export interface Loss {
  /** Whether either side has sent a close frame. */
  readonly isClosing: boolean;
  readonly isClientGone: boolean;
  /** Whether the target has sent nothing but WebSocket frames. */
  readonly isWebSocket: boolean;
  /** Whether the client has got all frames and events of the target completely. */
  readonly isWhole: boolean;
}

/**
 * What happens to a session when its target is lost: it `ends`; it `survives` at another target; or it is `cut`,
 * because the client already has part of a frame.
 */
export function outcomeOfLoss({ isClosing, isClientGone, isWebSocket, isWhole }: Loss): 'ends' | 'survives' | 'cut' {
  if (isClosing || isClientGone || !isWebSocket) return 'ends';
  return isWhole ? 'survives' : 'cut';
}
