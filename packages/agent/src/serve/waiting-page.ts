import type { IncomingMessage } from 'node:http';
import { type FailureCode, failures } from '@gopush/contract';

/** After how many seconds the page is loaded again. */
const refreshSeconds = 3;

/** Whether a browser loads a page for a person. */
export function isNavigating({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

/** A page that shows the failure, and reloads by itself. */
export function waitingPage(code: FailureCode): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${refreshSeconds}"><title>One moment</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1em}small{opacity:.7}</style>
<h1>One moment</h1><p>${failures[code].message} This page reloads by itself.</p><small>${code}</small></html>
`;
}
