/** What programs with servers of their own use beside agents. It loads nothing of Socket.IO, nor what takes connections before a server listens. */
export { type AcceptHandOffsOptions, acceptHandOffs, type HandOffs } from './hand-off/accept-hand-offs.ts';
