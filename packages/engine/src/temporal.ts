/** Temporal of the runtime. Node 24 has none: there it is the library, which takes longer to load than the rest of the engine. */
const found = typeof Temporal === 'undefined' ? (await import('temporal-polyfill')).Temporal : Temporal;
export { found as Temporal };
