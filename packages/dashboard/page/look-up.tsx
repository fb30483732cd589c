import type { RoomResponse, UserResponse } from '@gopush/cluster';
import { useEffect, useState } from 'preact/hooks';
import { ask } from './ask.ts';
import { ClientActions } from './client-actions.tsx';
import { Found } from './found.tsx';
import { FoundRoom } from './found-room.tsx';
import { FoundUser } from './found-user.tsx';
import { KeyForm } from './key-form.tsx';
import { LookUpForm } from './look-up-form.tsx';
import { kinds, type Query } from './look-up-kinds.ts';
import { Names } from './names.tsx';
import { PageLink } from './page-link.tsx';
import type { Node } from './use-act.ts';

/** Most agents that are named. */
const mostAgents = 5;

/** What was asked for, and the response. */
interface Asked {
  readonly query: Query;
  readonly status: number;
  readonly value: unknown;
}

/** Looks up users, rooms, a route or a failure code, and acts on them. @param wanted - what another part of the page wants to be looked up */
export function LookUp({
  wanted,
  products,
  agents,
  servers,
  isAtServer,
}: {
  readonly wanted: Query | undefined;
  readonly products: readonly string[];
  /** Agents that are there: they alone know routes. */
  readonly agents: readonly Node[];
  readonly servers: readonly Node[];
  readonly isAtServer: boolean;
}) {
  const [asked, setAsked] = useState<Asked>();
  const look = async (query: Query): Promise<void> => {
    const { path, parameter, more } = kinds[query.kind];
    const parameters = new URLSearchParams({
      ...more,
      [parameter]: query.name,
      ...(query.kind === 'failure' || query.product === '' ? {} : { product: query.product }),
      ...(query.after === undefined ? {} : { after: query.after }),
    });
    setAsked({ query, ...(await ask(`${path}?${parameters}`)) });
  };
  useEffect(() => {
    if (wanted !== undefined) void look(wanted);
  }, [wanted]);
  return (
    <section aria-labelledby="look-up">
      <h2 id="look-up">Look up</h2>
      <LookUpForm query={asked?.query} products={products} onQuery={(query) => void look(query)} />
      <div aria-live="polite">
        {asked && (
          <Response
            asked={asked}
            agents={agents}
            servers={servers}
            isAtServer={isAtServer}
            look={(query) => void look(query)}
          />
        )}
      </div>
    </section>
  );
}

function Response({
  asked,
  agents,
  servers,
  isAtServer,
  look,
}: {
  readonly asked: Asked;
  readonly agents: readonly Node[];
  readonly servers: readonly Node[];
  readonly isAtServer: boolean;
  look(query: Query): void;
}) {
  const { query, status, value } = asked;
  const { kind, name, product } = query;
  if (status === 401) return <KeyForm text={String(value)} action="Use this key" onKey={() => look(query)} />;
  if (status === 404 && kind === 'route') {
    return (
      <p class="empty">
        Only agents know where a user would go. Look it up at the page of{' '}
        {agents.length === 0
          ? 'an agent.'
          : agents.slice(0, mostAgents).map((node, index) => (
              <span key={node.id}>
                {index > 0 && ', '}
                <PageLink node={node}>{node.name}</PageLink>
              </span>
            ))}
      </p>
    );
  }
  if (status !== 200) return <p class="empty">{String(value)}</p>;
  const lookAt = (other: 'user' | 'room') => (found: string) => look({ kind: other, name: found, product });
  switch (kind) {
    case 'users':
    case 'rooms': {
      const { names, more } = value as { readonly names: readonly string[]; readonly more: boolean };
      const isUsers = kind === 'users';
      const none = isUsers ? 'No user that is online begins so.' : 'No room with users in it begins so.';
      return (
        <p class="found">
          <Names names={names} more={more} none={none} onName={lookAt(isUsers ? 'user' : 'room')} />
        </p>
      );
    }
    case 'user':
      return (
        <>
          <FoundUser user={value as UserResponse} onRoom={lookAt('room')} />
          <ClientActions key={`user ${name}`} {...{ kind, name, product, servers, isAtServer }} />
        </>
      );
    case 'room':
      return (
        <>
          <FoundRoom
            room={value as RoomResponse}
            onUser={lookAt('user')}
            onNext={(after) => look({ kind, name, product, after })}
          />
          <ClientActions key={`room ${name}`} {...{ kind, name, product, servers, isAtServer }} />
        </>
      );
    default:
      return <Found value={value} />;
  }
}
