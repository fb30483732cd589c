import { Facts } from './facts.tsx';
import { clock, count, size } from './format.ts';
import { Names } from './names.tsx';

/** How many of its last messages are shown. */
const shownTail = 10;

/** The response to `GET /cluster/room`. */
export interface RoomAnswer {
  readonly users: readonly { readonly uid: string; readonly devices: number }[];
  readonly next: string | null;
  readonly position: { readonly epoch: string; readonly offset: number } | null;
  readonly kept: number;
  readonly tail: readonly { readonly offset: number; readonly at: number; readonly bytes: number }[];
  readonly perMinute: number | null;
}

/** Who is in a room, and when its last messages came. */
export function FoundRoom({
  room,
  onUser,
  onNext,
}: {
  readonly room: RoomAnswer;
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
        <table class="narrow">
          <caption>Its last messages, without what they say</caption>
          <thead>
            <tr>
              <th scope="col">at</th>
              <th scope="col" class="number">
                offset
              </th>
              <th scope="col" class="number">
                size
              </th>
            </tr>
          </thead>
          <tbody>
            {tail
              .slice(-shownTail)
              .reverse()
              .map(({ offset, at, bytes }) => (
                <tr key={offset}>
                  <td>
                    <time>{clock(at)}</time>
                  </td>
                  <td class="number">{offset}</td>
                  <td class="number">{size(bytes)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function rateOf(perMinute: number): string {
  return perMinute >= 60 ? `${count(perMinute / 60)} messages/s` : `${count(perMinute)} messages/min`;
}
