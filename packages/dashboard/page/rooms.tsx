import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

/** The rooms with most connections. */
export function Rooms({
  rooms,
  leftOut = 0,
}: {
  readonly rooms: ClusterState['rooms'];
  readonly leftOut?: number | undefined;
}) {
  return (
    <section aria-labelledby="rooms">
      <h2 id="rooms">Largest rooms</h2>
      {rooms.length === 0 ? (
        <p class="empty">
          No client is in a room. Clients join with the event <code>room</code>.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">room</th>
              <th scope="col" class="number">
                connections
              </th>
              <th scope="col" class="number">
                push-servers
              </th>
            </tr>
          </thead>
          <tbody>
            {rooms.slice(0, 15).map(({ room, members, servers }) => (
              <tr key={room}>
                <th scope="row">{room}</th>
                <td class="number">{count(members)}</td>
                <td class="number">{servers}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rooms.length + leftOut > 15 && <p class="more">{rooms.length + leftOut - 15} more are not shown.</p>}
    </section>
  );
}
