export type { Ending } from './channel/ending.ts';
export type { OfferKind } from './channel/offer-kind.ts';
export type { Outcome } from './channel/outcome.ts';
export type { GiverEvents, Mark, Orphan, TakerState, UncleanCause } from './giver/giver-events.ts';
export type { AcceptOptions, Giver, Givers, GiversOptions, NotOffered, Offered, OfferOptions } from './giver/givers.ts';
export type { Counts, HandedOver } from './giver/handed-over.ts';
export type { TakenConnection } from './taker/taken-connection.ts';
export type { Taker, TakerOptions } from './taker/taker.ts';

// Come with the next steps: openGivers<T>(options: GiversOptions<T>): Promise<Givers<T>>, openTaker(options: TakerOptions): Promise<Taker>,
// whyUnavailable(): Promise<string | undefined>, defaultFolder(): string, takenConnectionOf(socket: Socket): TakenConnection | undefined.
