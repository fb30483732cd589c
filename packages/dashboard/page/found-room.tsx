import type { RoomResponse } from '@gopush/cluster';
import { Facts } from './facts.tsx';
import { clock, count, size } from './format.ts';
import { Names } from './names.tsx';
import { Table, type TableColumn } from './table.tsx';

/** How many of its last messages are shown. */
const shownTail = 10;

const tailColumns: readonly TableColumn<RoomResponse['tail'][number]>[] = [
  { name: 'at', cell: ({ at }) => <time>{clock(at)}</time> },
  { name: 'offset', isNumber: true, cell: ({ offset }) => offset },
  { name: 'size', isNumber: true, cell: ({ bytes }) => size(bytes) },
];

/** Who is in a room, and when its last messages came. */
export function FoundRoom({
  room,
  onUser,
  onNext,
}: {
  readonly room: RoomResponse;
  onUser(uid: string): void;
  /** Shows the next page of users. */
  onNext(after: string): void;
}) {
  const { users, next, position, kept, tail, perMinute } = room;
  const devices = users.filter((user) => user.devices > 1).map((user) => `${user.uid} has ${user.devices} devices`);
  return (
    <>
      <Facts
        facts={[
          [
            'users',
            <>
              <Names names={users.map(({ uid }) => uid)} none="No user is in this room." onName={onUser} />
              {next !== null && (
                <button type="button" class="name" onClick={() => onNext(next)}>
                  next page …
                </button>
              )}
              {devices.length > 0 && <span class="soft"> {devices.slice(0, 5).join(', ')}</span>}
            </>,
          ],
          [
            'rate',
            perMinute === null
              ? 'too few messages to tell'
              : `${rateOf(perMinute)}, by its last ${tail.length} messages`,
          ],
          [
            'history',
            position === null
              ? 'none: nothing was published, or nothing is kept'
              : `${count(kept)} messages, up to offset ${position.offset}`,
          ],
        ]}
      />
      {tail.length > 0 && (
        <Table
          label="Table of its last messages"
          columns={tailColumns}
          rows={tail.slice(-shownTail).reverse()}
          isNarrow
          keyOf={({ offset }) => offset}
          more="Its last messages, without what they say."
        />
      )}
    </>
  );
}

function rateOf(perMinute: number): string {
  return perMinute >= 60 ? `${count(perMinute / 60)} messages/s` : `${count(perMinute)} messages/min`;
}
