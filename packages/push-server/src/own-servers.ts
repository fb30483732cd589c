/**
 * The parts for programs with servers of their own. Loading them loads neither Socket.IO nor, before a server listens, the code that takes
 * connections.
 */
export { type AcceptHandOffsOptions, acceptHandOffs, type HandOffs } from './hand-off/accept-hand-offs.ts';
