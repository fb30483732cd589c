/** How long a client has to respond to the close frame of its WebSocket before it is cut, in milliseconds. */
export const closeFrameMs = 1_000;
