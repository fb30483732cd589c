import type { GiverEvents } from '../../src/giver/giver-events.ts';
import type { Giver } from '../../src/giver/givers.ts';
import type { TakerOptions } from '../../src/taker/taker.ts';
import { type Child, startGiver, startTaker } from './child.ts';
import { type Front, openFront, temporaryFolder } from './front.ts';
import { freePort, type TakerHere, takeHere } from './taker.ts';

/** Where a taker and a giver find each other. */
interface Meeting {
  readonly dir: string;
  /** Port of the taker. */
  readonly port: number;
}

/** A giver with a channel to a taker, both in this process. */
export async function startPair(
  options: Partial<TakerOptions> = {},
  events: Partial<GiverEvents<string>> = {},
): Promise<Meeting & TakerHere & { readonly front: Front; readonly giver: Giver<string> }> {
  const meeting = { dir: temporaryFolder(), port: freePort() };
  const here = await takeHere(meeting.dir, meeting.port, options);
  const front = await openFront(meeting.dir, meeting.port, events);
  return { ...meeting, ...here, front, giver: await front.giver() };
}

/** A giver of this process with a channel to a taker in a process of its own. */
export async function startTakerApart(): Promise<
  Meeting & { readonly taker: Child; readonly front: Front; readonly giver: Giver<string> }
> {
  const meeting = { dir: temporaryFolder(), port: freePort() };
  const [taker, front] = await Promise.all([
    startTaker(meeting.dir, meeting.port),
    openFront(meeting.dir, meeting.port),
  ]);
  return { ...meeting, taker, front, giver: await front.giver() };
}

/** A giver with a channel to a taker, each in a process of its own. */
export async function startBothApart(silentMs?: number): Promise<{
  readonly dir: string;
  readonly takerPort: number;
  readonly taker: Child;
  readonly giver: Child;
  /** Where the giver takes clients. */
  readonly port: number;
}> {
  const [dir, takerPort] = [temporaryFolder(), freePort()];
  const [taker, { giver, port }] = await Promise.all([
    startTaker(dir, takerPort, silentMs),
    startGiver(dir, takerPort, silentMs),
  ]);
  await giver.has({ taker: 'open' });
  return { dir, takerPort, taker, giver, port };
}
