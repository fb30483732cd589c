import { Facts } from './facts.tsx';
import { clock, count, size } from './format.ts';
import { Names } from './names.tsx';

/** The response to `GET /cluster/user`. */
export interface UserAnswer {
  readonly online: boolean;
  readonly devices: number;
  readonly since: number | null;
  readonly lastSeen: number | null;
  readonly nodes: readonly { readonly id: string; readonly name: string | null }[];
  readonly rooms?: { readonly names: readonly string[]; readonly more: boolean };
  readonly inbox: {
    readonly waiting: number;
    readonly bytes: number;
    readonly more: boolean;
    readonly oldestAt: number | null;
  };
}

/** Where a user is, and what waits for them. */
export function FoundUser({ user, onRoom }: { readonly user: UserAnswer; onRoom(room: string): void }) {
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
        [
          'rooms',
          <Names key="rooms" names={rooms?.names ?? []} more={rooms?.more ?? false} none="none" onName={onRoom} />,
        ],
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
