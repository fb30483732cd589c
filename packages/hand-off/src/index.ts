export type { Ending } from './channel/ending.ts';
export { defaultFolder, unfitFolder } from './channel/folder.ts';
export { maxEarlyBytes, maxRecordBytes } from './channel/limits.ts';
export type { OfferKind } from './channel/offer-kind.ts';
export type { Outcome } from './channel/outcome.ts';
export type { GiverEvents, Orphan, TakerState, UncleanCause } from './giver/giver-events.ts';
export type {
  AcceptOptions,
  Giver,
  Givers,
  GiversOptions,
  NotOffered,
  Offered,
  OfferOptions,
  OfferSignal,
} from './giver/givers.ts';
export type { Counts, HandedOver } from './giver/handed-over.ts';
export { openGivers } from './giver/open-givers.ts';
export type { Mark } from './notes/mark.ts';
export { openTaker } from './taker/open-taker.ts';
export type { TakenConnection } from './taker/taken-connection.ts';
export { takenConnectionOf } from './taker/taken-socket.ts';
export type { Taker, TakerOptions } from './taker/taker.ts';
export { whyUnavailable } from './why-unavailable.ts';
