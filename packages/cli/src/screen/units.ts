const thousands = ['', 'k', 'M', 'G', 'T'] as const;

/** A number in at most five characters: `999`, `1.2k`, `345k`. */
export function shortCount(value: number): string {
  if (value < 10 && !Number.isInteger(value)) return value.toFixed(1);
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < thousands.length - 1) {
    rest /= 1_000;
    unit++;
  }
  return `${unit > 0 && rest < 9.95 ? rest.toFixed(1) : Math.round(rest)}${thousands[unit]}`;
}

/** Bytes, in units of 1,024: `512 B`, `1.2 MiB`. */
export function shortBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let rest = bytes;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1_024;
    unit++;
  }
  return `${unit > 0 && rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${units[unit]}`;
}

/** A duration in its largest unit: `59 s`, `3 min`, `5 h`, `12 d`. */
export function shortTime(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
