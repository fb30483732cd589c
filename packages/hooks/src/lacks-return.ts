/** Matches arrow functions whose body is an expression, which they return. */
const block = /^(?:async\s*)?(?:function\b|(?:\([^()]*\)|[\w$]+)\s*=>\s*\{|[\w$]+\s*\([^()]*\)\s*\{)/;

/** Whether a function surely returns `undefined`: it has a body without `return`, and neither throws nor calls others that might for it. */
export function lacksReturn(hook: unknown): boolean {
  if (typeof hook !== 'function') return false;
  const text = Function.prototype.toString.call(hook);
  return block.test(text) && !/\b(?:return|throw|yield)\b|\[native code\]/.test(text);
}
