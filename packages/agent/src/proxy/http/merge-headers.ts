import type { ServerResponse } from 'node:http';
import type { RawHeaders } from '../../headers/end-to-end.ts';
import { wasPassedOn } from '../../hooks/app-messages.ts';

/**
 * Fields whose lines form one list (RFC 9110 section 5.3), so that the lines of a hook and of a target can be combined. Browsers obey all of several
 * policies and cache directives, so the strictest counts.
 */
const lists: ReadonlySet<string> = new Set([
  'accept-ch',
  'cache-control',
  'clear-site-data',
  'content-security-policy',
  'content-security-policy-report-only',
  'critical-ch',
  'link',
  'permissions-policy',
  'preference-applied',
  'proxy-authenticate',
  'report-to',
  'reporting-endpoints',
  'server-timing',
  'set-cookie',
  'timing-allow-origin',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'x-robots-tag',
]);

/** The headers that decide which pages may read a response. They make sense only together. */
const cors = 'access-control-';
const corsOrigin = 'access-control-allow-origin';

/**
 * Writes the head of a target's response, with the headers that the middlewares of an app hook have set before they passed it on.
 *
 * As with a handler in Express, the target has the last word: its header replaces a hook's of the same name. Fields that are lists have the hook's
 * lines, then the target's. CORS headers are either all the target's or all the hook's: the origin of one with the credentials of the other would let
 * in pages that neither means.
 *
 * Middlewares that replace `writeHead`, `write` or `end` (compression, sessions) find the target's headers with `getHeader`.
 *
 * @param headers - the target's, as names and values in turn
 */
export function writeMergedHead(response: ServerResponse, status: number, reason: string, headers: RawHeaders): void {
  if (!wasPassedOn(response) || isUntouched(response)) {
    response.writeHead(status, reason, headers as string[]);
    return;
  }
  const fields = groupByName(headers);
  if (fields.has(corsOrigin)) {
    for (const name of response.getHeaderNames()) if (name.startsWith(cors)) response.removeHeader(name);
  }
  for (const [lower, { name, values }] of fields) {
    const all = lists.has(lower) ? union(linesOf(response.getHeader(lower)), values) : values;
    response.setHeader(name, all.length === 1 ? (all[0] as string) : all);
  }
  response.writeHead(status, reason);
}

/** Whether all headers can be written at once, because no middleware looks them up one by one. */
function isUntouched(response: ServerResponse): boolean {
  if (Object.hasOwn(response, 'writeHead') || Object.hasOwn(response, 'write') || Object.hasOwn(response, 'end')) {
    return false;
  }
  return response.getHeaderNames().length === 0;
}

function groupByName(headers: RawHeaders): Map<string, { readonly name: string; readonly values: string[] }> {
  const fields = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string;
    const lower = name.toLowerCase();
    const field = fields.get(lower);
    if (field === undefined) fields.set(lower, { name, values: [headers[index + 1] as string] });
    else field.values.push(headers[index + 1] as string);
  }
  return fields;
}

function linesOf(value: number | string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [String(value)];
}

/** Both lists, without lines of the second that are in the first. */
function union(first: readonly string[], second: readonly string[]): string[] {
  return [...first, ...second.filter((line) => !first.includes(line))];
}
