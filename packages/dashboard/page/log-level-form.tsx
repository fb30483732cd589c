const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Chooses a log level. */
export function LogLevelForm({ of, onLevel }: { readonly of: string; onLevel(level: string): void }) {
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        onLevel(String(new FormData(event.currentTarget as HTMLFormElement).get('level') ?? ''));
      }}
    >
      <label>
        Log level of {of}{' '}
        <select name="level">
          {levels.map((level) => (
            <option key={level} selected={level === 'info'}>
              {level}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Set</button>
    </form>
  );
}
