import { useState } from 'preact/hooks';
import { ask } from './ask.ts';

/** Sends a test message to a user or a room, and disconnects a user. */
export function ClientActions({
  kind,
  name,
  product,
}: {
  readonly kind: 'user' | 'room';
  readonly name: string;
  readonly product: string;
}) {
  const [result, setResult] = useState('');
  const [isSure, setSure] = useState(false);
  const at = product === '' ? {} : { product };
  const act = async (path: string, body: object, done: string): Promise<void> => {
    const { status, value } = await ask(path, body);
    const isElsewhere = status === 404;
    setResult(
      status === 200 ? done : isElsewhere ? 'Only push-servers do this: open this page at one of them.' : String(value),
    );
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
        <button
          type="button"
          class="danger"
          onClick={() => {
            if (isSure) void act('disconnect', { user: name, ...at }, 'All connections of the user are closed.');
            setSure(!isSure);
          }}
        >
          {isSure ? 'Disconnect: really?' : 'Disconnect this user'}
        </button>
      )}
      <p role="status">{result}</p>
    </form>
  );
}
