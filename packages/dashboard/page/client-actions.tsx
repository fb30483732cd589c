import { useState } from 'preact/hooks';
import { ask } from './ask.ts';
import { ConfirmButton } from './confirm-button.tsx';
import type { Node } from './use-act.ts';

/** Sends a test message to a user or a room, and disconnects a user. */
export function ClientActions({
  kind,
  name,
  product,
  servers,
  isAtServer,
}: {
  readonly kind: 'user' | 'room';
  readonly name: string;
  readonly product: string;
  /** Push-servers that are ready: if this page is that of an agent, one of them does it. */
  readonly servers: readonly Node[];
  readonly isAtServer: boolean;
}) {
  const [result, setResult] = useState('');
  const at = product === '' ? {} : { product };
  const act = async (path: string, body: object, done: string): Promise<void> => {
    if (isAtServer) {
      const { status, value } = await ask(path, body);
      return setResult(status === 200 ? done : String(value));
    }
    const server = servers.find(({ can }) => can.includes(path));
    if (server === undefined) return setResult('Only push-servers do this, and none is ready.');
    const sent = await ask('cluster/act', { node: server.id, action: path, value: JSON.stringify(body) });
    setResult(sent.status === 202 ? `${server.name} does it.` : String(sent.value));
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        const fields = new FormData(event.currentTarget as HTMLFormElement);
        const message = { event: String(fields.get('event') ?? ''), message: String(fields.get('message') ?? '') };
        void act('send', { [kind]: name, ...at, ...message }, 'The message was sent.');
      }}
    >
      <label>
        Event <input name="event" required value="test" maxLength={256} autocomplete="off" />
      </label>
      <label>
        Message <input name="message" value="hello" autocomplete="off" />
      </label>
      <button type="submit">Send to this {kind}</button>
      {kind === 'user' && (
        <ConfirmButton
          label="Disconnect this user"
          sure="Disconnect: really?"
          onConfirm={() => void act('disconnect', { user: name, ...at }, 'All connections of the user are closed.')}
        />
      )}
      <p role="status">{result}</p>
    </form>
  );
}
