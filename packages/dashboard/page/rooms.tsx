import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

/** How many are shown. */
const most = 15;

/** The rooms with most connections. */
export function Rooms({
  rooms,
  leftOut = 0,
  onRoom,
}: {
  readonly rooms: ClusterState['rooms'];
  readonly leftOut?: number | undefined;
  onRoom(room: string): void;
}) {
  const left = Math.max(0, rooms.length - most) + leftOut;
  return (
    <section aria-labelledby="rooms">
      <h2 id="rooms">Largest rooms</h2>
      {rooms.length === 0 ? (
        <p class="empty">
          No client is in a room. Clients join with the event <code>room</code>.
        </p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">room</th>
                <th scope="col" class="number">
                  connections
                </th>
                <th scope="col" class="number">
                  messages/s
                </th>
                <th scope="col" class="number">
                  push-servers
                </th>
              </tr>
            </thead>
            <tbody>
              {rooms.slice(0, most).map(({ room, members, servers, perSecond }) => (
                <tr key={room}>
                  <th scope="row">
                    <button type="button" class="name" onClick={() => onRoom(room)}>
                      {room}
                    </button>
                  </th>
                  <td class="number">{count(members)}</td>
                  <td class="number">{perSecond === undefined ? '–' : count(perSecond)}</td>
                  <td class="number">{servers}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {left > 0 && <p class="more">{count(left)} more: look them up by how their names begin.</p>}
    </section>
  );
}
