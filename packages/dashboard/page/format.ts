const units = ['', 'k', 'M', 'G', 'T'];

/** A count in at most four digits: 950, 12.3 k. */
export function count(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1_000 && unit < units.length - 1) {
    rest /= 1_000;
    unit++;
  }
  const digits = unit > 0 && rest < 100 ? 1 : 0;
  return `${rest.toFixed(rest > 0 && rest < 10 && unit === 0 && !Number.isInteger(rest) ? 1 : digits)}${unit > 0 ? ` ${units[unit]}` : ''}`;
}

export function bytes(value: number): string {
  return `${(value / 1_048_576).toFixed(value < 104_857_600 ? 1 : 0)} MB`;
}

export function milliseconds(value: number): string {
  if (value === 0) return '0 ms';
  return value < 10
    ? `${value.toFixed(1)} ms`
    : value < 10_000
      ? `${Math.round(value)} ms`
      : `${(value / 1_000).toFixed(1)} s`;
}

/** A duration in its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** A duration in its largest unit alone. */
export function age(ms: number): string {
  return duration(ms).split(' ').slice(0, 2).join(' ');
}

/** The end of a name, if it is too long: it tells nodes apart. */
export function endOf(name: string, most: number): string {
  return name.length > most ? `…${name.slice(1 - most)}` : name;
}

export function clock(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour12: false });
}

/** A size in its largest unit. */
export function size(value: number): string {
  if (value < 1_024) return `${value} B`;
  return value < 1_048_576 ? `${(value / 1_024).toFixed(1)} kB` : bytes(value);
}
