import { readFileSync } from 'node:fs';
import type { AdminRoute } from '@gopush/service';

/** The files of the page, by path. */
const files = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/dashboard.js': { name: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  '/dashboard.css': { name: 'dashboard.css', type: 'text/css; charset=utf-8' },
} as const;

/** Scripts and styles of this listener alone, nothing inline, in no frame (https://www.w3.org/TR/CSP3/). */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The paths of the page on an admin listener. It holds no data: it asks for them, with a key if one is needed. */
export function dashboardRoutes(): Record<string, AdminRoute> {
  return Object.fromEntries(
    Object.entries(files).map(([path, { name, type }]): [string, AdminRoute] => {
      let body: Buffer | undefined;
      const headers = {
        'content-type': type,
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      };
      return [
        `GET ${path}`,
        {
          needs: 'nothing',
          serve(_request, response) {
            body ??= readFileSync(new URL(`./page/${name}`, import.meta.url));
            response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
          },
        },
      ];
    }),
  );
}
