/** What of an address's query is chosen: an empty text means that it is not. */
export function withoutEmpty<Search extends object>(search: Search): Search {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value)) as Search;
}
