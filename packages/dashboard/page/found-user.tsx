import type { UserResponse } from '@gopush/cluster';
import { Facts } from './facts.tsx';
import { clock, count, size } from './format.ts';
import { Names } from './names.tsx';

/** Where a user is, and what waits for them. */
export function FoundUser({ user, onRoom }: { readonly user: UserResponse; onRoom(room: string): void }) {
  const { online, devices, since, lastSeen, nodes, rooms, inbox } = user;
  const from = since === null ? '' : ` since ${clock(since)}`;
  const seen = lastSeen === null ? '' : `; last seen ${clock(lastSeen)}`;
  return (
    <Facts
      facts={[
        [
          'state',
          online ? `online, ${devices === 1 ? '1 device' : `${count(devices)} devices`}${from}` : `offline${seen}`,
        ],
        ['push-servers', nodes.map(({ id, name }) => name ?? id).join(', ') || 'none'],
        ['rooms', <Names key="rooms" names={rooms.names} more={rooms.more} none="none" onName={onRoom} />],
        [
          'inbox',
          inbox.waiting === 0
            ? 'empty'
            : `${count(inbox.waiting)}${inbox.more ? ' or more' : ''} waiting, ${size(inbox.bytes)}${inbox.oldestAt === null ? '' : `, the oldest since ${clock(inbox.oldestAt)}`}`,
        ],
      ]}
    />
  );
}
