import { useState } from 'preact/hooks';
import { ask } from './ask.ts';
import { ClientActions } from './client-actions.tsx';
import { Found } from './found.tsx';
import { KeyForm } from './key-form.tsx';

/** What can be looked up: its path, the parameter that names it, and what to enter. */
const kinds = {
  user: { path: 'cluster/user', parameter: 'uid', label: 'User (uid)' },
  room: { path: 'cluster/room', parameter: 'room', label: 'Room' },
  route: { path: 'cluster/route', parameter: 'uid', label: 'Where a user would go (uid)' },
  failure: { path: 'cluster/failure', parameter: 'code', label: 'Failure code' },
} as const;

type Kind = keyof typeof kinds;

/** What was asked for, and the response. */
interface Asked {
  readonly kind: Kind;
  readonly name: string;
  readonly product: string;
  readonly status: number;
  readonly value: unknown;
}

/** Looks up a user, a room, a route or a failure code, and acts on it. */
export function LookUp() {
  const [kind, setKind] = useState<Kind>('user');
  const [asked, setAsked] = useState<Asked>();
  const look = async (which: Kind, name: string, product: string): Promise<void> => {
    const { path, parameter } = kinds[which];
    const query = new URLSearchParams({
      [parameter]: name,
      ...(which === 'failure' || product === '' ? {} : { product }),
    });
    setAsked({ kind: which, name, product, ...(await ask(`${path}?${query}`)) });
  };
  return (
    <section aria-labelledby="look-up">
      <h2 id="look-up">Look up</h2>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          const fields = new FormData(event.currentTarget as HTMLFormElement);
          void look(kind, String(fields.get('name') ?? ''), String(fields.get('product') ?? ''));
        }}
      >
        <label>
          What{' '}
          <select
            name="kind"
            value={kind}
            onChange={(event) => setKind((event.currentTarget as HTMLSelectElement).value as Kind)}
          >
            {Object.entries(kinds).map(([value, { label }]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Name <input name="name" required maxLength={256} autocomplete="off" spellcheck={false} />
        </label>
        {kind !== 'failure' && (
          <label>
            Product <input name="product" placeholder="default" maxLength={128} autocomplete="off" />
          </label>
        )}
        <button type="submit">Look up</button>
      </form>
      <div aria-live="polite">
        {asked && (asked.status === 401 || asked.status === 403) && (
          <KeyForm
            text={String(asked.value)}
            action="Use this key"
            onKey={() => void look(asked.kind, asked.name, asked.product)}
          />
        )}
        {asked && asked.status === 404 && asked.kind === 'route' && (
          <p class="empty">Open this page at an agent to see routes: {String(asked.value)}</p>
        )}
        {asked &&
          asked.status !== 200 &&
          asked.status !== 401 &&
          asked.status !== 403 &&
          !(asked.status === 404 && asked.kind === 'route') && <p class="empty">{String(asked.value)}</p>}
        {asked?.status === 200 && <Found value={asked.value} />}
        {asked?.status === 200 && (asked.kind === 'user' || asked.kind === 'room') && (
          <ClientActions
            key={`${asked.kind} ${asked.name}`}
            kind={asked.kind}
            name={asked.name}
            product={asked.product}
          />
        )}
      </div>
    </section>
  );
}
