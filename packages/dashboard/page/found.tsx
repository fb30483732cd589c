import { clock } from './format.ts';

/** Names of times, in milliseconds since 1970. */
const times = new Set(['since', 'lastSeen', 'oldestAt', 'at']);

/** What names of the response are called on the page. */
const words: Readonly<Record<string, string>> = {
  http: 'HTTP status',
  upgrade: 'on an upgrade',
  retry: 'may be retried',
  count: 'occurred',
  nodes: 'at',
  entry: 'router entry',
  why: 'because',
  ranking: 'order',
};

/** Most entries of a list that are shown. */
const most = 20;

/** What was found, as names and values. */
export function Found({ value }: { readonly value: unknown }) {
  if (Array.isArray(value)) {
    if (value.length === 0) return <>none</>;
    return (
      <ul>
        {value.slice(0, most).map((entry, index) => (
          <li key={index}>{typeof entry === 'object' ? inWords(entry as object) : String(entry)}</li>
        ))}
        {value.length > most && <li>{value.length - most} more</li>}
      </ul>
    );
  }
  if (typeof value !== 'object' || value === null) return <>{value === null ? '–' : String(value)}</>;
  return (
    <dl class="found">
      {Object.entries(value).map(([name, part]) => (
        <div key={name}>
          <dt>{words[name] ?? name}</dt>
          <dd>
            {typeof part === 'object' && part !== null ? <Found value={part} /> : <Plain name={name} value={part} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Plain({ name, value }: { readonly name: string; readonly value: unknown }) {
  return <>{textOf(name, value)}</>;
}

function inWords(entry: object): string {
  return Object.entries(entry)
    .map(([name, value]) => `${name} ${textOf(name, value)}`)
    .join(' · ');
}

function textOf(name: string, value: unknown): string {
  if (value === null) return '–';
  return times.has(name) && typeof value === 'number' ? clock(value) : String(value);
}
