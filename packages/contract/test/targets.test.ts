import { expect, test } from 'vitest';
import { parseTargets } from '../src/index.ts';

function namesOf(input: unknown): string | string[] {
  const source = parseTargets(input);
  if (typeof source === 'string') return source;
  return source.kind === 'list' ? source.targets.map(({ name }) => name) : [source.kind];
}

test.each<[unknown, string[]]>([
  ['push-server', ['built-in']],
  ['http://10.0.0.5:8080', ['10.0.0.5:8080']],
  ['http://10.0.0.5:8080/', ['10.0.0.5:8080']],
  ['HTTP://Example.COM', ['example.com:80']],
  ['ws://example.com', ['example.com:80']],
  ['https://example.com', ['https://example.com:443']],
  ['wss://example.com:8443', ['https://example.com:8443']],
  ['https://[2001:DB8::1]:8443', ['https://[2001:db8::1]:8443']],
  ['http://[::1]', ['[::1]:80']],
  ['https://bücher.example', ['https://xn--bcher-kva.example:443']],
  ['unix:/run/app.sock', ['unix:/run/app.sock']],
  ['unix:///run/app.sock', ['unix:/run/app.sock']],
  [
    ['http://a:1', { url: 'https://b', weight: 2 }, { ip: '::1', ports: [1, '2'] }],
    ['a:1', 'https://b:443', '[::1]:1', '[::1]:2'],
  ],
  [{ ip: 'a', port: 443, tls: true }, ['https://a:443']],
  [{ ip: 'a', port: 80, tls: false }, ['a:80']],
  [{ dns: 'a', port: 443, tls: true, hostHeader: 'target' }, ['dns']],
  [{ srv: '_x._tcp.a', tls: { servername: 'b' } }, ['srv']],
])('%j is %j', (input, names) => {
  expect(namesOf(input)).toEqual(names);
});

test.each<[unknown, RegExp]>([
  ['https://example.com/base', /^found "https:\/\/example.com\/base", wanted a URL without a path: .*stripPath/],
  ['https://example.com?x', /wanted a URL without a path/],
  ['https://example.com/#x', /wanted a URL without a path/],
  ['https:\\\\example.com', /^found .*, wanted http:\/\/host:port/],
  ['https:example.com', /wanted http:\/\/host:port/],
  ['https:///example.com', /wanted http:\/\/host:port/],
  ['example.com:80', /wanted http:\/\/host:port, https/],
  ['ftp://example.com', /wanted http:\/\/host:port/],
  ['push-servers', /found "push-servers", wanted/],
  ['', /found "", wanted/],
  ['https://', /wanted http/],
  ['https://example.com:0', /wanted a port from 1 to 65535/],
  ['https://example.com:65536', /wanted a host, and optionally a port from 1 to 65535/],
  ['https://example.com:x', /wanted a host, and optionally a port/],
  ['https://exa mple.com', /wanted a host/],
  ['http://unix:/run/app.sock', /wanted http:.* or unix:\/path/],
  ['unix:run/app.sock', /wanted unix: and the absolute path/],
  ['unix:@abstract', /user name or password/],
  ['unix:/run/', /wanted unix: and the absolute path/],
  ['unix:/a\0b', /wanted unix:/],
  [`unix:/${'a'.repeat(120)}`, /wanted a path of at most 103 bytes/],
  [{ url: 7 }, /^url: found a number, wanted text/],
  [{ url: 'https://a', wieght: 1 }, /wieght: found an unknown key, .*did you mean weight/],
  [{ url: 'https://a', weight: -1 }, /weight: found -1, wanted a number from 0/],
  [{ url: 'https://a', tls: false }, /tls: found it with https:\/\/a/],
  [{ url: 'http://a', tls: true }, /tls: found it with http:\/\/a, wanted https/],
  [{ url: 'unix:/a', tls: {} }, /tls: found it with unix:\/a/],
  [{ url: 'https://a', tls: 'yes' }, /tls: found text, wanted true or/],
  [{ url: 'https://a', tls: { cas: 'x' } }, /tls.cas: found an unknown key, .*did you mean ca/],
  [{ url: 'https://a', tls: { ca: './ca.pem' } }, /tls.ca: wanted PEM text, .*not the name of a file/],
  [{ url: 'https://a', tls: { cert: '-----BEGIN CERTIFICATE-----' } }, /tls: wanted both cert and key/],
  [{ url: 'https://a', tls: { servername: '10.0.0.1' } }, /tls.servername: .* not an address/],
  [{ url: 'https://a', tls: { rejectUnauthorized: 0 } }, /tls.rejectUnauthorized: found a number/],
  [{ dns: 'a', port: 1, tls: 'x' }, /tls: found text/],
  [{ srv: 'a', hostHeader: 'mine' }, /hostHeader: found "mine", wanted client or target/],
  [null, /a target is a URL, \{ url \}/],
])('%j is no target', (input, problem) => {
  expect(namesOf(input)).toMatch(problem);
});

test('no message repeats a password', () => {
  for (const url of ['https://ann:geheim@a', 'http://ann:geheim@a:99999', 'https:ann:geheim@a', 'redis://:geheim@a']) {
    expect(parseTargets(url)).toMatch(/user name or password/);
    expect(parseTargets(url)).not.toMatch(/geheim/);
    expect(parseTargets({ url })).not.toMatch(/geheim/);
  }
});

test('a certificate has to bear the name by which the router knows the target', () => {
  const tlsOf = (input: unknown) => {
    const source = parseTargets(input);
    return typeof source === 'string' || source.kind !== 'list' ? source : source.targets[0]?.tls;
  };
  expect(tlsOf('https://a.example')).toEqual({ servername: 'a.example', rejectUnauthorized: true });
  expect(tlsOf('https://10.0.0.1')).toEqual({ servername: undefined, rejectUnauthorized: true });
  expect(tlsOf({ ip: 'a', port: 1, tls: { servername: 'b' } })).toMatchObject({ servername: 'b' });
});
