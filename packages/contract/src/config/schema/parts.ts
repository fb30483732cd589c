import { z } from 'zod';
import { parseOriginEntry } from '../../origins/allowed-origins.ts';

export const port = () => z.int().min(0).max(65535);
export const milliseconds = (max = 3_600_000) => z.int().min(1).max(max);
/** Milliseconds. 0 means none. */
export const wait = (byDefault: number, max = 3_600_000) => z.int().min(0).max(max).default(byDefault);
/** A count. 0 means no limit. */
export const limit = (max = 10_000_000, byDefault = 0) => z.int().min(0).max(max).default(byDefault);
export const networks = () => z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]);
/** Origins of pages, parsed to the form in which they are compared. */
export const origins = () => z.array(z.string().min(1)).default([]).transform(readOrigins);

function readOrigins(entries: readonly string[], context: z.RefinementCtx): string[] {
  return entries.map((entry, index) => {
    const parsed = parseOriginEntry(entry);
    if (typeof parsed === 'string') return parsed;
    context.addIssue({ code: 'custom', path: [index], message: parsed.wanted });
    return entry;
  });
}

/** A key that programs send as `Authorization: Bearer`, which ends at a space. */
export const bearerKey = () =>
  z
    .string()
    .min(24)
    .max(1_024)
    .refine((key) => /^[!-~]*$/.test(key), 'a key of ASCII characters, without spaces')
    .meta({ description: 'The key itself.' });

export const host = () => z.string().min(1).max(255);

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Whether an address to listen on stands for all addresses of the machine. */
export function isEveryAddress(address: string): boolean {
  return /^(0|0\.0\.0\.0|::|\*|(0+:){7}0+)$/.test(address);
}
