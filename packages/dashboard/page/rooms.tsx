import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';
import { Table, type TableColumn } from './table.tsx';

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
  const columns: readonly TableColumn<ClusterState['rooms'][number]>[] = [
    {
      name: 'room',
      isRowHeader: true,
      cell: ({ room }) => (
        <button type="button" class="name" onClick={() => onRoom(room)}>
          {room}
        </button>
      ),
    },
    { name: 'connections', isNumber: true, cell: ({ members }) => count(members) },
    {
      name: 'messages/s',
      isNumber: true,
      cell: ({ perSecond }) => (perSecond === undefined ? '–' : count(perSecond)),
    },
    { name: 'push-servers', isNumber: true, cell: ({ servers }) => servers },
  ];
  return (
    <section aria-labelledby="rooms">
      <h2 id="rooms">Largest rooms</h2>
      {rooms.length === 0 ? (
        <p class="empty">
          No client is in a room. Clients join with the event <code>room</code>.
        </p>
      ) : (
        <Table
          label="Table of rooms"
          columns={columns}
          rows={rooms.slice(0, most)}
          keyOf={({ room }) => room}
          more={left > 0 ? `${count(left)} more: look them up by how their names begin.` : undefined}
        />
      )}
    </section>
  );
}
