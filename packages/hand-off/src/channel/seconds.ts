/** How long a peer may be silent before its channel counts as dead, in milliseconds, where a program says nothing else. */
export const defaultSilentMs = 10_000;

/** How long a hello may take, in milliseconds. */
export const helloMs = 5_000;

/** Why a channel ended whose peer was silent for so long. */
export const silent = 'silent';
