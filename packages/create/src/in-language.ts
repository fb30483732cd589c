/**
 * The text of a template, which is in TypeScript, in JavaScript. Templates use few types, so that both are easy to read: `type` imports,
 * types of calls, and the parameters and variables of these types. A test compares the result with that of a compiler.
 */
export function toJavaScript(text: string): string {
  return text
    .replaceAll(/^import type .*\n/gm, '')
    .replaceAll(/, (?:type \w+|\{ type \w+(?:, type \w+)* \})/g, '')
    .replaceAll(
      /(\w): (?:string|number|Buffer|Push|Response|Error|ErrorRequestHandler|\(\) => Promise<T>|\(\(\) => void\)\[\])(?=[,);]| = )/g,
      '$1',
    )
    .replaceAll(/(\w)<[\w, ]+>\(/g, '$1(')
    .replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'");
}

/** A package.json without what only TypeScript needs. */
export function withoutTypes(text: string): string {
  const { scripts, devDependencies, ...pkg } = JSON.parse(text) as {
    scripts: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const isKept = ([name]: [string, string]): boolean => !/^(@types\/|types$|typescript$)/.test(name);
  const keep = (all: Record<string, string>) => Object.fromEntries(Object.entries(all).filter(isKept));
  const kept = keep(devDependencies);
  const more = Object.keys(kept).length > 0 ? { devDependencies: kept } : {};
  return `${JSON.stringify({ ...pkg, scripts: keep(scripts), ...more }, undefined, 2)}\n`;
}
