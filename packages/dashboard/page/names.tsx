/** Names that are looked up when they are pressed. */
export function Names({
  names,
  more = false,
  none,
  onName,
}: {
  readonly names: readonly string[];
  /** Whether there are others. */
  readonly more?: boolean;
  /** The text if there are none. */
  readonly none: string;
  onName(name: string): void;
}) {
  if (names.length === 0) return <>{more ? 'Too many entries to look through: none of the first ones.' : none}</>;
  return (
    <span class="names">
      {names.map((name) => (
        <button key={name} type="button" class="name" onClick={() => onName(name)}>
          {name}
        </button>
      ))}
      {more && <span class="soft">and others</span>}
    </span>
  );
}
