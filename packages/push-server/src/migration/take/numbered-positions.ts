import { type NumberedPosition, numberOfEpoch, type Position } from '@gopush/contract';
import type { HistoryStore } from '@gopush/store';
import type { SessionRecord } from '../../stored-session/session-record.ts';
import { epochOfResponses } from '../client/connect-responses.ts';

/** Most rooms of a session whose histories are asked for their epochs. */
const maxRooms = 64;

/**
 * Finds the positions that a dead push-server has noted by number. Their epochs are those of the session, or of
 * histories of its rooms that began after it was stored.
 *
 * @returns `undefined` if the epoch of one of them cannot be found: then nothing shows which messages the client has had
 */
export async function resolvePositions(
  numbered: readonly NumberedPosition[],
  record: SessionRecord,
  history: Pick<HistoryStore, 'read'>,
): Promise<readonly Position[] | undefined> {
  if (numbered.length === 0) return [];
  const epochs = new Map([...epochsOf(record)].map((epoch) => [numberOfEpoch(epoch), epoch]));
  if (!numbered.every(({ number }) => epochs.has(number))) {
    for (const epoch of await epochsOfRooms(record, history)) epochs.set(numberOfEpoch(epoch), epoch);
  }
  const positions: Position[] = [];
  for (const { number, offset } of numbered) {
    const epoch = epochs.get(number);
    if (epoch === undefined) return undefined;
    positions.push({ epoch, offset });
  }
  return positions;
}

function* epochsOf({ node, engineId, sockets }: SessionRecord): Generator<string> {
  yield node;
  yield epochOfResponses(engineId);
  for (const { positions, reached = [], emitted } of sockets) {
    for (const [, position] of [...positions, ...reached]) if (position !== null) yield position.epoch;
    for (const [stream] of emitted?.streams ?? []) yield stream;
    for (const { place } of emitted?.own ?? []) yield place.epoch;
  }
}

async function epochsOfRooms(
  { sockets }: SessionRecord,
  history: Pick<HistoryStore, 'read'>,
): Promise<readonly string[]> {
  const rooms = new Set(sockets.flatMap(({ positions }) => positions.map(([room]) => room)));
  const pages = await Promise.all([...rooms].slice(0, maxRooms).map((room) => history.read(room, 0, 1)));
  return pages.flatMap(({ epoch }) => epoch ?? []);
}
