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
 * What a lost target means for a session: it `ends` with it; it `survives`, and goes to another target; it is `cut`, since the part of a frame that the
 * client has got cannot be taken back.
 */
export function outcomeOfLoss({ isClosing, isClientGone, isWebSocket, isWhole }: Loss): 'ends' | 'survives' | 'cut' {
  if (isClosing || isClientGone || !isWebSocket) return 'ends';
  return isWhole ? 'survives' : 'cut';
}
