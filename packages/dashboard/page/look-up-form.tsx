import { useEffect, useRef, useState } from 'preact/hooks';
import { type Kind, kinds, type Query } from './look-up-kinds.ts';

/** Asks what is to be looked up. @param query - what was looked up last: it is shown in the fields */
export function LookUpForm({
  query,
  products,
  onQuery,
}: {
  readonly query: Query | undefined;
  readonly products: readonly string[];
  onQuery(query: Query): void;
}) {
  const [kind, setKind] = useState<Kind>('user');
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (query === undefined || form.current === null) return;
    setKind(query.kind);
    const { name, product } = fieldsOf(form.current);
    if (name) name.value = query.name;
    if (product) product.value = query.product;
  }, [query]);
  const isPrefix = kind === 'users' || kind === 'rooms';
  return (
    <form
      ref={form}
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        const { name, product } = fieldsOf(event.currentTarget as HTMLFormElement);
        onQuery({ kind, name: name?.value ?? '', product: product?.value ?? '' });
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
        Name <input name="name" required={!isPrefix} maxLength={256} autocomplete="off" spellcheck={false} />
      </label>
      {kind !== 'failure' && (
        <label>
          Product <input name="product" list="products" placeholder="default" maxLength={128} autocomplete="off" />
        </label>
      )}
      <datalist id="products">
        {products.map((product) => (
          <option key={product} value={product} />
        ))}
      </datalist>
      <button type="submit">Look up</button>
    </form>
  );
}

function fieldsOf(form: HTMLFormElement): {
  readonly name: HTMLInputElement | undefined;
  readonly product: HTMLInputElement | undefined;
} {
  const field = (name: string): HTMLInputElement | undefined =>
    (form.elements.namedItem(name) as HTMLInputElement | null) ?? undefined;
  return { name: field('name'), product: field('product') };
}
