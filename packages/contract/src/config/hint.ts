import { type JsonSchema, withoutNull } from './json-schema.ts';

const milliseconds: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, sec: 1_000, second: 1_000, m: 60_000, min: 60_000, minute: 60_000 },
  ...{ h: 3_600_000, hour: 3_600_000, d: 86_400_000, day: 86_400_000 },
};

const bytes: Readonly<Record<string, number>> = {
  ...{ b: 1, k: 1_024, kb: 1_024, kib: 1_024, m: 1_048_576, mb: 1_048_576, mib: 1_048_576 },
  ...{ g: 1_073_741_824, gb: 1_073_741_824, gib: 1_073_741_824 },
};

/** A hint for a value of the wrong type, as the end of a message: `; did you mean 30000 (ms)?`. Empty if there is none. */
export function hintFor(key: string, value: unknown, wanted: JsonSchema): string {
  const schema = withoutNull(wanted);
  switch (schema.type) {
    case 'integer':
    case 'number':
      if (typeof value === 'string') return hintForNumber(key, value.trim().toLowerCase());
      return typeof value === 'number' && !Number.isInteger(value) ? meant(Math.round(value)) : '';
    case 'boolean': {
      const word = String(value).trim().toLowerCase();
      if (/^(true|on|yes|1)$/.test(word)) return meant(true);
      return /^(false|off|no|0)$/.test(word) ? meant(false) : '';
    }
    case 'array':
      return typeof value === 'string' || typeof value === 'number' ? meant(JSON.stringify([value])) : '';
    case 'string': {
      if (typeof value === 'number') return meant(JSON.stringify(String(value)));
      const same = schema.enum?.find((one) => String(one).toLowerCase() === String(value).toLowerCase());
      return same === undefined ? '' : meant(JSON.stringify(same));
    }
    default:
      return '';
  }
}

function hintForNumber(key: string, text: string): string {
  const [, digits, unit = ''] = /^([\d_]+(?:\.\d+)?)\s*([a-z%]*)$/.exec(text) ?? [];
  if (digits === undefined) return '';
  const number = Number(digits.replaceAll('_', ''));
  if (unit === '') return `; did you mean ${number}, without quotes?`;
  const one = unit.replace(/(?<=..)s$/, '');
  if (/Ms$/.test(key)) return hintWithUnit(number, milliseconds[unit] ?? milliseconds[one], 'ms');
  if (/bytes$/i.test(key)) return hintWithUnit(number, bytes[unit] ?? bytes[one], 'bytes');
  return unit === '%' ? meant(number) : '';
}

function hintWithUnit(number: number, factor: number | undefined, unit: string): string {
  return factor === undefined ? '' : `; did you mean ${number * factor} (${unit})?`;
}

function meant(value: unknown): string {
  return `; did you mean ${String(value)}?`;
}
