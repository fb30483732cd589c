import { keepKey } from './access-key.ts';

/** Asks for a key. */
export function KeyForm({
  text,
  action = 'Show the cluster',
  onKey,
}: {
  readonly text: string;
  readonly action?: string;
  onKey(): void;
}) {
  return (
    <form
      class="key"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget as HTMLFormElement;
        keepKey(String(new FormData(form).get('key') ?? '').trim());
        onKey();
      }}
    >
      <p>{text}</p>
      <label>
        Key (one of <code>admin.keys</code>) <input type="password" name="key" autocomplete="off" required />
      </label>
      <button type="submit">{action}</button>
    </form>
  );
}
