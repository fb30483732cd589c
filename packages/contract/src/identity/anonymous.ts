/**
 * Return value of a hook for a client that is admitted without a uid, such as a visitor who has not signed in. It is a symbol, so that no uid can be
 * confused with it, not even `'anonymous'`. `undefined`, `null`, `false` and `''` mean that the client is unknown, and refuse it.
 *
 * Hook files that import nothing can use `Symbol.for('gopush.anonymous')`.
 *
 * @example
 * export default defineAgent((request) => request.cookies.uid ?? anonymous);
 */
export const anonymous: unique symbol = Symbol.for('gopush.anonymous');
